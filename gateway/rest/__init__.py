"""The HTTP interface under `/api/v1`.

`endpoints` is how an endpoint is declared, `routing` serves the declarations and `openapi` describes them; `accounts`, `rooms`,
`messages`, `admin` and `health` declare what there is.
"""
