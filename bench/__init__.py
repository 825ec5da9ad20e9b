"""Measurements: how fast it is, what it costs, and what others need for the same.

`make bench` runs all of them, prints the tables and writes them to
`docs/performance.md`. Nothing in here is part of the tests: a time is a fact about one
machine on one day.
"""
