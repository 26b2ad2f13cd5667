"""Accounts: registration, passwords, sign-ins and their tokens, profiles, roles.

`Accounts` is the whole of it to the outside. Inside, `sessions` holds the rules of tokens, `directory` those of people, and
`passwords` and `tokens` the cryptography.
"""

from engine.accounts.accounts import Accounts
from engine.accounts.forms import AccountChanges, Credentials, Identity, ProfileChanges, Registration, SignIn

__all__ = ["AccountChanges", "Accounts", "Credentials", "Identity", "ProfileChanges", "Registration", "SignIn"]
