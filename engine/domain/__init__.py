"""The vocabulary of conversations: frozen msgspec structs without behaviour beyond their own consistency.

These are the types that repositories take and give, actors hold, and the doors encode: one definition from the wire to the
database. Times are aware datetimes in UTC, ids are UUIDv7 strings.
"""
