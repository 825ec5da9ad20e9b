"""The chat's partner: a language model or an agent that answers, and works by tasks."""
