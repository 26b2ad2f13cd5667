"""The conversation engine: rooms and people, durable, ordered and live. `engine.engine.Engine` is where it is put together."""
