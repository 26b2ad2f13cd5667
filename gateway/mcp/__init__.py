"""`gathering mcp`: a Model Context Protocol server on standard input and output, a client of Gathering's REST interface."""
