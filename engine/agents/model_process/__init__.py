"""A process of its own in which chat models are read, so that their libraries take nothing from whoever serves people.

    async with opened(system, access, levels) as open_model:      # an Opener for `Models`
        model = await open_model("openai:gpt-5-mini")             # starts the process, if it does not run yet

`wire` is what the two processes say to each other, `python -m engine.agents.model_process` the one that reads (`__main__`, with
`telling` for each answer), `line` the server's end of the connection, `process` the actor that owns the process, and `remote` the
model that stands for one over there.
"""
