"""`exos mcp`: tools for agents over the Model Context Protocol, made of the HTTP API's operations (docs/agents.md)."""
