"""Agents: participants that are programs. `models/` streams what chat models answer; `langchain.py` is the way to the providers."""
