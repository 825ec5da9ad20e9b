"""The MCP server: a thin proxy between an agent and a session's host."""
