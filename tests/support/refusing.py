"""How the second decoder says that bytes are to be dropped."""


class Refused(Exception):
    """These bytes are not what they should be."""


def need(condition, what):
    if not condition:
        raise Refused(what)
