"""The chat's partner: a language model that answers, and works by tasks."""
