"""Slow in Python: a junction for asyncio. It is one file, and needs libslow alone: ctypes, nothing to compile.

    async with slow.Junction("alice") as alice:
        alice.join("udp://127.0.0.1:4100")
        await alice.send("bob", {"hello": "bob"})       # returns when bob's application has it, and raises when not
        async for message in alice:
            print(message.sender, message.body)

What is sent as bytes arrives as bytes, everything else as JSON. The library is libslow.so.1, as the loader finds it, or the
file that the environment variable SLOW_LIBRARY names.

Threads. Each junction has a thread of its own, in libslow, and that runs no Python: messages and outcomes are polled for, by
two file descriptors, on the thread of the event loop. So an interpreter that is busy never delays the mesh, and one that ends
is not called any more. (Rejected: outcomes and messages by callback, where the junction's thread would wait for the
interpreter's lock at each.) There are two exceptions: that there is room again for someone who waited for it, and the last
outcomes while a junction is closed. A Junction belongs to one thread, which is that of its event loop once it has one; others
go through asyncio.run_coroutine_threadsafe().
"""
import asyncio
import collections.abc
import ctypes
import dataclasses
import enum
import json
import os
import threading
import warnings
import weakref
from ctypes import (POINTER, byref, c_bool, c_char, c_char_p, c_int, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64,
                    c_void_p)

__all__ = ["Closed", "Error", "Junction", "Kind", "Message", "NotDelivered", "Order", "Outcome", "OutcomeUnknown", "Reason",
           "Type", "version"]

# ---- what slow/junction.h says; layout_test.py holds this part against it


class _Junction(ctypes.Structure):
    pass


class _Error(ctypes.Structure):
    _fields_ = [("code", c_int32), ("where", c_char * 96), ("text", c_char * 224)]


class _Options(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("thread", c_uint32), ("event_base", c_void_p), ("network", c_char_p),
                ("plugin_dirs", POINTER(c_char_p)), ("log", c_void_p), ("log_arg", c_void_p), ("log_level", c_int),
                ("calling", c_void_p), ("calling_arg", c_void_p)]


class _SendOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("channel", c_uint8), ("priority", c_uint8), ("hop_limit", c_uint8),
                ("reliable", c_bool), ("order", c_uint8), ("fail_fast", c_bool), ("ttl_ns", c_uint64), ("trace", c_bool)]


class _Outcome(ctypes.Structure):
    _fields_ = [("outcome", c_uint32), ("reason", c_uint32), ("ticket", c_uint64), ("rtt_ns", c_uint64),
                ("reserved", c_uint64 * 2), ("text", c_char * 224)]


class _Message(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("type", c_uint8), ("channel", c_uint8), ("kind", c_uint16),
                ("from", c_char_p), ("data", POINTER(c_uint8)), ("size", c_size_t), ("reliable", c_bool),
                ("session", c_uint64), ("number", c_uint64)]


_ON_OUTCOME = ctypes.CFUNCTYPE(None, c_void_p, POINTER(_Outcome))
_ON_WRITABLE = ctypes.CFUNCTYPE(None, c_void_p, c_char_p)

_junction, _error, _options = POINTER(_Junction), POINTER(_Error), POINTER(_Options)
_sending = [POINTER(_SendOptions), POINTER(c_uint64), _error]
_PROTOTYPES = {
    "slow_junction_new": (_junction, [c_char_p, _options, _error]),
    "slow_junction_open": (_junction, [c_char_p, _options, _error]),
    "slow_junction_open_text": (_junction, [c_char_p, c_char_p, c_size_t, _options, _error]),
    "slow_junction_free": (None, [_junction]),
    "slow_junction_id": (c_char_p, [_junction]),
    "slow_junction_fd": (c_int, [_junction]),
    "slow_outcome_fd": (c_int, [_junction]),
    "slow_junction_listen": (c_int32, [_junction, c_char_p, POINTER(c_char), _error]),
    "slow_junction_join": (c_int32, [_junction, c_char_p, _error]),
    "slow_junction_leave": (c_int32, [_junction, c_char_p, _error]),
    "slow_send_json": (c_int32, [_junction, c_char_p, c_char_p, *_sending]),
    "slow_send_binary": (c_int32, [_junction, c_char_p, c_void_p, c_size_t, *_sending]),
    "slow_send_control": (c_int32, [_junction, c_char_p, c_uint16, c_void_p, c_size_t, *_sending]),
    "slow_next_outcome": (c_int32, [_junction, POINTER(_Outcome)]),
    "slow_on_outcome": (c_int32, [_junction, _ON_OUTCOME, c_void_p]),
    "slow_on_writable": (c_int32, [_junction, _ON_WRITABLE, c_void_p]),
    "slow_recv": (c_int32, [_junction, POINTER(POINTER(_Message)), c_uint64]),
    "slow_message_free": (None, [POINTER(_Message)]),
    "slow_version": (c_char_p, []),
    "slow_status_text": (c_char_p, [c_int32]),
}

_OK, _E_FAIL, _E_AGAIN, _E_CLOSED, _E_TIMEOUT = 0, -1, -7, -8, -13
_ADDRESS_ROOM = 128


class Type(enum.IntEnum):
    """What a message is."""
    JSON = 1
    BINARY = 2
    CONTROL = 3


class Order(enum.IntEnum):
    """Of reliable messages on one channel."""
    NONE = 0  # handed over as they come
    ORDERED = 1  # in the order in which they were sent
    LATEST = 2  # a newer one takes the place of an older one


class Kind(enum.IntEnum):
    """What became of a reliable message."""
    DELIVERED = 1  # the application at the other end took it
    NOT_DELIVERED = 2  # no application got it, and none will
    UNKNOWN = 3  # one of the two: it could not be found out


class Reason(enum.IntEnum):
    """Why it was not delivered, or is not known."""
    NONE = 0
    EXPIRED = 1
    SUPERSEDED = 2
    NO_ROUTE = 3
    CLOSED = 4
    PEER_RESTARTED = 5
    NO_ANSWER = 6
    NO_MEMORY = 7
    REFUSED = 8
    UNSEALED = 9


# ---- the library


def _load():
    path = os.environ.get("SLOW_LIBRARY") or "libslow.so.1"
    try:
        library = ctypes.CDLL(path)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except OSError as error:
        raise ImportError(f"cannot load {path}: {error}; install libslow1, or let SLOW_LIBRARY name the file") from None
    except AttributeError as error:
        raise ImportError(f"{path} is no libslow of version 1: {error}") from None
    return library


_lib = _load()


def version():
    """The library's."""
    return _lib.slow_version().decode()


# ---- errors


class Error(Exception):
    """A call failed. `text` says what was wrong, what was expected and what to try; `where` is a place in a config, a file or
    an address, and may be empty; `status` is the number that slow/base.h has for it."""

    def __init__(self, text, status=_E_FAIL, where=""):
        super().__init__(f"{where}: {text}" if where not in text else text)
        self.text, self.status, self.where = text, status, where


class Closed(Error):
    """The junction is closed."""

    def __init__(self, text="the junction is closed"):
        super().__init__(text, _E_CLOSED)


class _Undelivered(Error):
    def __init__(self, outcome):
        super().__init__(outcome.text)
        self.outcome = outcome


class NotDelivered(_Undelivered):
    """No application got the message, and none will. `outcome` says why."""


class OutcomeUnknown(_Undelivered):
    """The message was delivered or it was not: that could not be found out. `outcome` says why."""


def _text(data):
    return data.decode("utf-8", "replace")


def _failure(error, status):
    text = _text(error.text) or _text(_lib.slow_status_text(status))
    return Closed(text) if status == _E_CLOSED else Error(text, status, _text(error.where))


def _string(value, what):
    if not isinstance(value, str):
        raise TypeError(f"{what} is of type {type(value).__name__}; expected a str")
    if "\0" in value:
        raise ValueError(f"{what} has a zero in it")
    return value.encode()


def _number(value, what, most):
    if not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"{what} is {value!r}; expected a number from 0 to {most}")
    return value


def _order(value):
    try:
        return Order(value)
    except ValueError:
        raise ValueError(f"order is {value!r}; expected one of {', '.join(f'Order.{o.name}' for o in Order)}") from None


def _named(kind, value):
    """A later library may have more of them."""
    try:
        return kind(value)
    except ValueError:
        return value


# ---- what comes


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a message. `text` is for a person; `rtt` is the time from the send to the outcome, in seconds."""
    kind: Kind
    reason: Reason
    text: str
    rtt: float


def _outcome(raw):
    return Outcome(_named(Kind, raw.outcome), _named(Reason, raw.reason), _text(raw.text), raw.rtt_ns / 1e9)


@dataclasses.dataclass(frozen=True)
class Message:
    """(sender, session, channel, number) is the id of a reliable one: at most one that bears it is ever handed over."""
    sender: str
    type: Type
    data: bytes
    channel: int
    kind: int  # of a CONTROL message
    reliable: bool
    session: int
    number: int

    @property
    def body(self):
        """What was sent: of JSON what json.loads() makes of it, else the bytes. A ValueError or a RecursionError means that
        Python cannot hold what the sender wrote."""
        return json.loads(self.data) if self.type == Type.JSON else self.data


def _message(raw):
    return Message(sender=getattr(raw, "from").decode(), type=_named(Type, raw.type),
                   data=ctypes.string_at(raw.data, raw.size), channel=raw.channel, kind=raw.kind, reliable=raw.reliable,
                   session=raw.session, number=raw.number)


# ---- the junction


class _Room:
    """Who waits until there is room for more messages to a destination, None being that of best effort: one for each, since
    the others queue behind it. Apart from its junction, which the callback must not keep alive."""

    def __init__(self):
        self.loop, self.waiting, self.thread = None, {}, None
        self.callback = _ON_WRITABLE(self._on_writable)

    def _on_writable(self, _arg, destination):
        """On the junction's thread."""
        self.thread = threading.get_ident()
        try:
            self.loop.call_soon_threadsafe(self._wake, destination)
        except RuntimeError:
            pass  # that loop is closed, and whoever waited on it has gone with it

    def _wake(self, destination):
        future = self.waiting.get(destination)
        if future is not None and not future.done():
            future.set_result(None)

    async def wait(self, destination):
        future = self.waiting[destination] = self.loop.create_future()
        try:
            await future
        finally:
            if self.waiting.get(destination) is future:
                del self.waiting[destination]


def _abandon(handle, room, process):
    """A Junction that nobody closed went away, or the interpreter ends. `room` is here so that its callback still is."""
    if os.getpid() != process:
        return  # a child has no thread of the junction's: it is the parent's
    if threading.get_ident() == room.thread:  # garbage was collected within the callback, and there nothing can be freed
        threading.Thread(target=_abandon, args=(handle, room, process)).start()
        return
    _lib.slow_junction_free(handle)
    warnings.warn("a junction was never closed", ResourceWarning)


def _end(handle, late, _room):
    """Frees it; what outcomes there still are go into `late`, by ticket. Waits for them, for a second at most."""

    def on_outcome(_arg, raw):
        late[raw.contents.ticket] = _outcome(raw.contents)

    callback, raw = _ON_OUTCOME(on_outcome), _Outcome()
    _lib.slow_on_outcome(handle, callback, None)
    while _lib.slow_next_outcome(handle, byref(raw)) == _OK:
        late[raw.ticket] = _outcome(raw)
    _lib.slow_junction_free(handle)


class Junction:
    """One node of the mesh. `config` is a config's path, or a mapping with what stands in one; without it the junction has
    the default configuration, and `network` and `plugin_dirs` may be given. It listens and joins as its config says."""

    _TURN = 64  # messages that are taken before others on the event loop have their turn

    def __init__(self, id=None, config=None, *, network=None, plugin_dirs=()):
        directories = (c_char_p * (len(plugin_dirs) + 1))(*map(os.fsencode, plugin_dirs))
        options = _Options(struct_size=ctypes.sizeof(_Options), log_level=-1,
                           network=None if network is None else _string(network, "network"),
                           plugin_dirs=directories if plugin_dirs else None)
        self._handle = self._made(id, config, options)
        self._process, self._thread, self._loop, self._taken = os.getpid(), threading.get_ident(), None, 0
        self._pending = {}  # futures of outcomes, by ticket
        self._receivers = set()  # futures of those who wait for a message
        self._lines = weakref.WeakValueDictionary()  # a lock for each destination: whoever comes first is accepted first
        self._room = _Room()
        self._abandoned = weakref.finalize(self, _abandon, self._handle, self._room, self._process)
        self._fd, self._outcome_fd = _lib.slow_junction_fd(self._handle), _lib.slow_outcome_fd(self._handle)
        if self._outcome_fd < 0:
            self.close()
            raise Error("no file descriptor is left; try `ulimit -n`")
        self._check(_lib.slow_on_writable(self._handle, self._room.callback, None), _Error())
        self.id = _text(_lib.slow_junction_id(self._handle))

    @staticmethod
    def _made(id, config, options):
        error, name = _Error(), None if id is None else _string(id, "id")
        if config is None:
            if name is None:
                raise TypeError("a junction has an id, or a config that says it")
            handle = _lib.slow_junction_new(name, byref(options), byref(error))
        elif isinstance(config, collections.abc.Mapping):
            text = json.dumps({**config, "id": id} if id is not None else dict(config)).encode()
            handle = _lib.slow_junction_open_text(b"config", text, len(text), byref(options), byref(error))
        else:
            handle = _lib.slow_junction_open(os.fsencode(config), byref(options), byref(error))
        if not handle:
            raise _failure(error, error.code)
        if name is not None and _lib.slow_junction_id(handle) != name:
            other = _text(_lib.slow_junction_id(handle))
            _lib.slow_junction_free(handle)
            raise ValueError(f"{config} is the config of {other}; expected that of {id}")
        return handle

    @staticmethod
    def _check(status, error):
        if status != _OK:
            raise _failure(error, status)

    def _mine(self):
        """The handle, for a call on the right thread."""
        if self._handle is None:
            raise Closed()
        is_free = self._loop is not None and self._loop.is_closed()
        if (self._thread != threading.get_ident() and not is_free) or self._process != os.getpid():
            raise RuntimeError("a junction belongs to one thread, that of its event loop, and to the process that made it; "
                               "from another thread try asyncio.run_coroutine_threadsafe()")
        return self._handle

    def _attach(self):
        """For the running event loop. Another one may follow when that is closed, and then what was waited for on the first
        one is forgotten."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop and self._handle is not None:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(f"the junction {self.id} belongs to another event loop, which is not closed yet")
            self._loop = self._room.loop = loop
            self._thread = threading.get_ident()
            for left in (self._pending, self._receivers, self._lines, self._room.waiting):
                left.clear()
            loop.add_reader(self._outcome_fd, self._take_outcomes)
        return self._mine()

    # ---- the mesh

    def listen(self, address):
        """Returns the address in use, with the port where 0 was asked for."""
        error, bound = _Error(), ctypes.create_string_buffer(_ADDRESS_ROOM)
        self._check(_lib.slow_junction_listen(self._mine(), _string(address, "address"), bound, byref(error)), error)
        return _text(bound.value)

    def join(self, address):
        """Keeps a link to there: it is dialled, and dialled again. Returns at once."""
        error = _Error()
        self._check(_lib.slow_junction_join(self._mine(), _string(address, "address"), byref(error)), error)

    def leave(self, address):
        """Undoes join()."""
        error = _Error()
        self._check(_lib.slow_junction_leave(self._mine(), _string(address, "address"), byref(error)), error)

    # ---- out

    async def send(self, to, body, *, kind=None, reliable=True, order=Order.NONE, channel=0, priority=1, ttl=30.0,
                   fail_fast=False, hop_limit=0):
        """Bytes go as they are, with a `kind` (0x8000 or more) as a control message, and everything else as JSON.

        A reliable one waits `ttl` seconds for its destination, and the Outcome is returned when it was delivered; else
        NotDelivered or OutcomeUnknown is raised. To have many under way, make tasks of it; they are accepted in the order in
        which they begin. Best effort returns None as soon as the message is accepted. While too much waits already,
        acceptance waits too. When it is cancelled, an accepted message is still on its way."""
        if not isinstance(ttl, (int, float)) or not 0 < ttl < 1e9:
            raise ValueError(f"ttl is {ttl!r}; expected seconds, more than 0 and less than 1e9")
        options = _SendOptions(struct_size=ctypes.sizeof(_SendOptions), channel=_number(channel, "channel", 63),
                               priority=_number(priority, "priority", 3), hop_limit=_number(hop_limit, "hop_limit", 255),
                               reliable=bool(reliable), order=_order(order), fail_fast=bool(fail_fast),
                               ttl_ns=max(1, round(ttl * 1e9)))
        destination = _string(to, "to")
        future = await self._accepted(destination, self._sender(destination, body, kind), options)
        if future is None:
            return None
        outcome = await future
        if outcome.kind == Kind.DELIVERED:
            return outcome
        raise (NotDelivered if outcome.kind == Kind.NOT_DELIVERED else OutcomeUnknown)(outcome)

    @staticmethod
    def _sender(destination, body, kind):
        """The call that sends this body, but for its last arguments. What is sent is as it is now."""
        if isinstance(body, (bytes, bytearray, memoryview)):
            data = bytes(body)
            if kind is None:
                return lambda handle, *rest: _lib.slow_send_binary(handle, destination, data, len(data), *rest)
            number = _number(kind, "kind", 0xffff)
            return lambda handle, *rest: _lib.slow_send_control(handle, destination, number, data, len(data), *rest)
        if kind is not None:
            raise TypeError(f"body is a {type(body).__name__}; expected bytes, since there is a kind")
        text = json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
        return lambda handle, *rest: _lib.slow_send_json(handle, destination, text, *rest)

    async def _accepted(self, destination, sender, options):
        """The future of its outcome; of best effort None."""
        self._attach()
        ticket, error = c_uint64(), _Error()
        line_of = destination if options.reliable else None
        line = self._lines.get(line_of)
        if line is None:
            line = self._lines[line_of] = asyncio.Lock()
        async with line:
            while (status := sender(self._attach(), byref(options), byref(ticket), byref(error))) == _E_AGAIN:
                await self._room.wait(line_of)
            self._check(status, error)
            if not options.reliable:
                return None
            future = self._pending[ticket.value] = self._loop.create_future()
            return future

    def _take_outcomes(self):
        raw = _Outcome()
        for _ in range(self._TURN):
            if _lib.slow_next_outcome(self._handle, byref(raw)) != _OK:
                break
            self._settle(raw.ticket, _outcome(raw))

    def _settle(self, ticket, outcome):
        future = self._pending.pop(ticket, None)  # None: it was asked for on a loop that is closed
        if future is not None and not future.done():
            future.set_result(outcome)

    # ---- in

    async def recv(self):
        """The next message. Its sender hears "delivered" now. Raises Closed when the junction is closed meanwhile."""
        self._attach()
        self._taken += 1
        if self._taken % self._TURN == 0:
            await asyncio.sleep(0)
        while (message := self._take()) is None:
            await self._readable()
        return message  # nothing is waited for in between: what was taken is returned, whoever cancels what

    def _take(self):
        raw = POINTER(_Message)()
        status = _lib.slow_recv(self._attach(), byref(raw), 0)
        if status == _E_TIMEOUT:
            return None
        self._check(status, _Error())
        try:
            return _message(raw.contents)
        finally:
            _lib.slow_message_free(raw)

    async def _readable(self):
        """The descriptor is looked at only while somebody waits, since it stays readable until the message is taken."""
        future = self._loop.create_future()
        if not self._receivers:
            self._loop.add_reader(self._fd, self._wake_receivers)
        self._receivers.add(future)
        try:
            await future
        finally:
            self._receivers.discard(future)
            if not self._receivers and self._handle is not None:
                self._loop.remove_reader(self._fd)

    def _wake_receivers(self):
        for future in self._receivers:
            if not future.done():
                future.set_result(None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return await self.recv()
        except Closed:
            raise StopAsyncIteration from None

    # ---- the end

    def _begin_end(self):
        """Whoever waits for a message or for room gets Closed. None: it is closed already."""
        if self._handle is None:
            return None
        handle = self._mine()
        self._handle = None
        self._abandoned.detach()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
            self._loop.remove_reader(self._outcome_fd)
            self._wake_receivers()
            for future in self._room.waiting.values():
                if not future.done():
                    future.set_exception(Closed())
        return handle

    def _finish(self, late):
        if self._loop is not None and not self._loop.is_closed():
            for ticket, outcome in list(late.items()):  # cancelled twice, and they still come
                self._settle(ticket, outcome)

    def close(self):
        """Of reliable messages that are under way the outcome is awaited, for a second at most; says goodbye to the
        neighbours, and frees everything. The event loop stands still meanwhile: see aclose()."""
        handle, late = self._begin_end(), {}
        if handle is not None:
            _end(handle, late, self._room)
            self._finish(late)

    async def aclose(self):
        """The same, while the event loop runs on."""
        handle, late = self._begin_end(), {}
        if handle is None:
            return
        ending = asyncio.get_running_loop().run_in_executor(None, _end, handle, late, self._room)
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending  # a second cancellation leaves the thread alone with it
            raise
        finally:
            self._finish(late)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    async def __aenter__(self):
        self._attach()
        return self

    async def __aexit__(self, *_exception):
        await self.aclose()
