"""Signing in, the chat, and the dialogs over it."""
