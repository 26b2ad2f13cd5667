"""Processes beside the server's own, for work that would keep its event loop from those who post.

    owner     the actor that owns one: starts it, watches it, and is restarted with it
    framing   what goes over the socket between the two, as bytes
    link      questions and answers over it, in both directions
    inside    how the process itself begins and ends

A process ends with its socket, so with its server, however that ends.
"""
