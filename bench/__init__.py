"""Measurements of speed and cost, with other programs for comparison.

`make bench` runs all of them, prints the tables and writes them to
`docs/performance.md`. They are not tests, because times depend on the machine and the
day.
"""
