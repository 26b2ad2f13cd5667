"""The web client: its sources (TypeScript, beside this file), and how the built pages are served.

`add_web` puts the client at `/`. It is built by `make run` and into the wheel; where it has not been built, `/` says how.
"""

from gateway.web.pages import add_web

__all__ = ["add_web"]
