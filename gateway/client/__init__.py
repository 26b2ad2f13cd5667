"""Gathering from another program: agents that run outside of the server, over the official Centrifuge client.

    class Greeter(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[str]:
            yield f"Hello {turn.message.author.name}"

    anyio.run(serve, "https://chat.example.org", key, Greeter)

`key` is an API key that an administrator has made for the agent, whose model is `external`. The class is the same that would run
inside of the server. `serve` is in `gateway.client.serving`; the extra `gathering[agents]` installs what it needs.

| file            | what it is                                                                     |
| --------------- | ------------------------------------------------------------------------------ |
| `remote.py`     | the REST interface, with a token                                               |
| `connection.py` | the official Centrifuge client, its events as plain values                     |
| `asking.py`     | what an agent asks of its timeline over REST                                   |
| `elsewhere.py`  | what it sees of it                                                             |
| `notebook.py`   | what it remembers                                                              |
| `speech.py`     | one answer, from the question to its message, whatever becomes of the server   |
| `place.py`      | one timeline where the agent is a member: which messages it answers, in order  |
| `serving.py`    | the whole agent: all its timelines over one connection                         |
"""
