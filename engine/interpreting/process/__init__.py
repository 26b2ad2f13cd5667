"""The booths and the translators in a process of their own.

    server                                    process
    Interpreting - RemoteBooths ---link--- LocalBooths - Translators - DeepL
    timelines, models - Serving ---link--- Distant...

What is said is in `wire`. The server keeps what only it can do: a booth's timeline answers it from here, and a chat model that helps out is
read by the models' own process. What was translated before is read in the database.
"""
