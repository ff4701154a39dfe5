#!/usr/bin/env python3
"""The binding against the library, over loopback: outcomes, messages, threads, ends. Wants SLOW_LIBRARY where the loader has no
libslow.so.1."""
import asyncio
import ctypes
import gc
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

import slow

LIMIT = 30  # seconds, for what has to happen; nothing here takes a tenth of it


def threads():
    return len(os.listdir("/proc/self/task"))


class Counted:
    """A function of the library, and how often it did something."""

    def __init__(self, test, name, counts=lambda result: True):
        self.function, self.counts, self.count = getattr(slow._lib, name), counts, 0
        setattr(slow._lib, name, self)
        test.addCleanup(setattr, slow._lib, name, self.function)

    def __call__(self, *arguments):
        result = self.function(*arguments)
        self.count += bool(self.counts(result))
        return result


class Pair(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # it is slow, and tells of every wait for the processor
        self.failures = []  # in callbacks
        loop.set_exception_handler(lambda _loop, context: self.failures.append(context))
        self.alice = await self.enterAsyncContext(slow.Junction("alice"))
        self.bob = await self.enterAsyncContext(slow.Junction("bob"))
        self.alice.join(self.bob.listen("tcp://127.0.0.1:0"))

    async def asyncTearDown(self):
        self.assertEqual(self.failures, [])

    async def within(self, what):
        return await asyncio.wait_for(what, LIMIT)

    # ---- messages

    async def test_json_and_bytes_arrive_as_what_they_were_sent(self):
        bodies = [{"hello": ["bob", 1.5, None, "\0 é 🐢"]}, "text", 7, b"\0\1\2", b"", bytearray(b"x") * 100_000]
        sending = [asyncio.create_task(self.alice.send("bob", body, order=slow.Order.ORDERED)) for body in bodies]
        for body in bodies:
            message = await self.within(self.bob.recv())
            self.assertEqual((message.sender, message.body, message.reliable), ("alice", body, True))
            self.assertEqual(message.type, slow.Type.BINARY if isinstance(body, (bytes, bytearray)) else slow.Type.JSON)
        for task in sending:
            outcome = await self.within(task)
            self.assertEqual((outcome.kind, outcome.reason, outcome.text), (slow.Kind.DELIVERED, slow.Reason.NONE, "delivered"))
            self.assertGreater(outcome.rtt, 0)

    async def test_control_messages_bear_their_kind(self):
        sending = asyncio.create_task(self.alice.send("bob", b"stop", kind=0x8001, channel=3))
        message = await self.within(self.bob.recv())
        self.assertEqual((message.type, message.kind, message.body, message.channel), (slow.Type.CONTROL, 0x8001, b"stop", 3))
        await self.within(sending)

    async def test_best_effort_has_no_outcome(self):
        await self.within(asyncio.gather(self.alice.send("bob", 1), self.bob.recv()))  # there is a route
        self.assertIsNone(await self.alice.send("bob", b"now or never", reliable=False))
        message = await self.within(self.bob.recv())
        self.assertEqual((message.body, message.reliable, message.session), (b"now or never", False, 0))

    async def test_best_effort_waits_for_room_too(self):
        """The library says twice that there is none, and then, as it would on the junction's thread, that there is."""

        def full(*arguments):
            if sending.count >= 2:
                return send(*arguments)
            threading.Timer(0.01, self.alice._room.callback, (None, None)).start()
            return slow._E_AGAIN

        sending = Counted(self, "slow_send_binary")
        send, sending.function = sending.function, full
        self.assertIsNone(await self.within(self.alice.send("bob", b"in the end", reliable=False)))
        self.assertEqual((sending.count, self.alice._room.waiting), (3, {}))
        self.assertEqual((await self.within(self.bob.recv())).body, b"in the end")

    async def test_every_message_is_freed_once(self):
        taken = Counted(self, "slow_recv", lambda status: status == slow._OK)
        freed = Counted(self, "slow_message_free")
        sending = [asyncio.create_task(self.alice.send("bob", n)) for n in range(200)]
        for _ in range(200):
            await self.within(self.bob.recv())
        await self.within(asyncio.gather(*sending))
        self.assertEqual((taken.count, freed.count), (200, 200))

    async def test_more_than_there_is_room_for_waits_and_keeps_its_order(self):
        async def take(count):
            return [(await self.bob.recv()).body for _ in range(count)]

        refused = Counted(self, "slow_send_json", lambda status: status == slow._E_AGAIN)
        sending = [asyncio.create_task(self.alice.send("bob", n, order=slow.Order.ORDERED)) for n in range(6000)]
        while refused.count == 0:
            await asyncio.sleep(0)
        self.assertEqual(await self.within(take(6000)), list(range(6000)))
        self.assertEqual({outcome.kind for outcome in await self.within(asyncio.gather(*sending))}, {slow.Kind.DELIVERED})

    async def test_a_receiver_that_is_cancelled_loses_nothing(self):
        for n in range(50):
            receiving = asyncio.create_task(self.bob.recv())
            await asyncio.sleep(0)
            sending = asyncio.create_task(self.alice.send("bob", n))
            await asyncio.sleep(0.001 * (n % 3))
            receiving.cancel()
            if (await asyncio.gather(receiving, return_exceptions=True))[0].__class__ is asyncio.CancelledError:
                self.assertEqual((await self.within(self.bob.recv())).body, n)
            await self.within(sending)

    async def test_several_receivers_share_what_comes(self):
        receiving = [asyncio.create_task(self.bob.recv()) for _ in range(20)]
        await self.within(asyncio.gather(*(self.alice.send("bob", n) for n in range(20))))
        self.assertEqual({(await self.within(task)).body for task in receiving}, set(range(20)))

    async def test_a_flood_of_messages_starves_nobody(self):
        sending = [asyncio.create_task(self.alice.send("bob", n)) for n in range(1000)]
        waiting = slow._lib.slow_junction_waiting
        waiting.restype, waiting.argtypes = ctypes.c_size_t, [slow._junction]
        until = time.monotonic() + LIMIT
        while waiting(self.bob._handle) < 1000 and time.monotonic() < until:
            await asyncio.sleep(0)
        turns = 0

        async def others():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        for _ in range(1000):
            await self.bob.recv()
        self.assertGreater(turns, 10)
        other.cancel()
        await self.within(asyncio.gather(*sending))

    # ---- outcomes that are none to be glad of

    async def test_a_message_for_nobody_is_not_delivered_and_says_why(self):
        with self.assertRaises(slow.NotDelivered) as caught:
            await self.within(self.alice.send("nobody", 1, ttl=0.05))
        self.assertEqual(caught.exception.outcome.reason, slow.Reason.EXPIRED)
        self.assertIn("expired: it could not be sent within 0.05 s", str(caught.exception))
        with self.assertRaises(slow.NotDelivered) as caught:
            await self.within(self.alice.send("nobody", 1, fail_fast=True))
        self.assertEqual(caught.exception.outcome.reason, slow.Reason.NO_ROUTE)

    async def test_a_newer_value_takes_the_place_of_an_older_one(self):
        older = asyncio.create_task(self.alice.send("carol", 1, order=slow.Order.LATEST))
        newer = asyncio.create_task(self.alice.send("carol", 2, order=slow.Order.LATEST, ttl=0.3))
        with self.assertRaises(slow.NotDelivered) as caught:
            await self.within(older)
        self.assertEqual(caught.exception.outcome.reason, slow.Reason.SUPERSEDED)
        with self.assertRaises(slow.NotDelivered):
            await self.within(newer)

    async def test_what_nobody_took_when_its_sender_closes_is_unknown(self):
        await self.within(asyncio.gather(self.alice.send("bob", 1), self.bob.recv()))
        sending = asyncio.create_task(self.alice.send("bob", "left lying"))
        waiting = asyncio.create_task(self.alice.recv())
        while not self.alice._pending:
            await asyncio.sleep(0)
        await self.arrived()
        await self.within(self.alice.aclose())
        with self.assertRaises(slow.OutcomeUnknown) as caught:
            await self.within(sending)
        self.assertEqual(caught.exception.outcome.reason, slow.Reason.CLOSED)
        with self.assertRaises(slow.Closed):
            await self.within(waiting)

    async def arrived(self):
        """There is something in bob's inbox."""
        there = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.bob._fd, there.set)
        await self.within(there.wait())
        loop.remove_reader(self.bob._fd)

    async def test_an_outcome_that_came_before_the_close_is_not_lost(self):
        sending = asyncio.create_task(self.alice.send("bob", 1))
        while not self.alice._pending:
            await asyncio.sleep(0)
        for fd, act in ((self.bob._fd, self.bob._take), (self.alice._outcome_fd, self.alice.close)):
            self.assertEqual(select.select([fd], [], [], LIMIT)[0], [fd])  # the event loop stands still
            act()
        self.assertEqual((await self.within(sending)).kind, slow.Kind.DELIVERED)

    async def test_a_send_that_is_cancelled_is_still_on_its_way(self):
        sending = asyncio.create_task(self.alice.send("bob", "all the same"))
        await asyncio.sleep(0)
        sending.cancel()
        self.assertEqual((await self.within(self.bob.recv())).body, "all the same")
        await self.within(asyncio.gather(self.alice.send("bob", "after it"), self.bob.recv()))
        self.assertEqual(self.alice._pending, {})

    # ---- threads, loops and ends

    async def test_a_busy_interpreter_does_not_hold_up_the_junction(self):
        sending = [asyncio.create_task(self.alice.send("nobody", 1, ttl=ttl)) for ttl in (0.02, 0.1)]
        await asyncio.sleep(0)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(100)  # no other thread gets the interpreter
        until = time.monotonic() + 1
        while time.monotonic() < until:
            pass
        ends = await self.within(asyncio.gather(*sending, return_exceptions=True))
        self.assertEqual([end.outcome.reason for end in ends], [slow.Reason.EXPIRED] * 2)
        self.assertLess(ends[1].outcome.rtt, 0.5)

    async def test_closing_ends_those_who_wait(self):
        async def take_all():
            return [message async for message in self.bob]

        taking = asyncio.create_task(take_all())
        filling = [asyncio.create_task(self.bob.send("nobody", n)) for n in range(5000)]
        while not self.bob._room.waiting:
            await asyncio.sleep(0)
        await self.within(self.bob.aclose())
        self.assertEqual(await self.within(taking), [])
        ends = await self.within(asyncio.gather(*filling, return_exceptions=True))
        self.assertEqual([type(end) for end in ends], [slow.NotDelivered] * 4096 + [slow.Closed] * 904)
        with self.assertRaises(slow.Closed):
            self.bob.join("udp://127.0.0.1:9")
        with self.assertRaises(slow.Closed):
            await self.bob.send("alice", 1)
        self.bob.close()  # once more does nothing

    async def test_another_thread_is_told_how(self):
        def elsewhere():
            with self.assertRaises(RuntimeError) as caught:
                self.alice.listen("udp://127.0.0.1:0")
            self.assertIn("run_coroutine_threadsafe", str(caught.exception))
            receiving = asyncio.run_coroutine_threadsafe(self.bob.recv(), loop)
            asyncio.run_coroutine_threadsafe(self.alice.send("bob", "from a thread"), loop).result(LIMIT)
            return receiving.result(LIMIT).body

        loop = asyncio.get_running_loop()
        self.assertEqual(await asyncio.to_thread(elsewhere), "from a thread")


class Life(unittest.TestCase):
    def test_a_junction_outlives_its_event_loop(self):
        async def exchange(n):
            receiving = asyncio.create_task(bob.recv())
            await asyncio.wait_for(alice.send("bob", n), LIMIT)
            return (await receiving).body

        with slow.Junction("alice") as alice, slow.Junction("bob") as bob:
            alice.join(bob.listen("udp://127.0.0.1:0"))
            self.assertEqual([asyncio.run(exchange(n)) for n in range(3)], [0, 1, 2])

    def test_what_waited_on_a_closed_event_loop_is_forgotten(self):
        async def begin():
            tasks = [asyncio.ensure_future(what) for what in (bob.recv(), bob.send("nobody", 1, ttl=0.1))]
            while not bob._pending or not bob._receivers:
                await asyncio.sleep(0)
            return tasks

        async def go_on():
            failures = []
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
            receiving = asyncio.create_task(bob.recv())
            with self.assertRaises(slow.NotDelivered):
                await bob.send("nobody", 2, ttl=0.2)
            await asyncio.wait_for(alice.send("bob", 3), LIMIT)
            self.assertEqual(((await receiving).body, failures), (3, []))

        with slow.Junction("alice") as alice, slow.Junction("bob") as bob:
            alice.join(bob.listen("udp://127.0.0.1:0"))
            loop = asyncio.new_event_loop()
            tasks = loop.run_until_complete(begin())
            loop.close()
            asyncio.run(go_on())
            for task in tasks:
                task._log_destroy_pending = False

    def test_two_event_loops_at_once_are_refused(self):
        async def elsewhere():
            await alice.send("bob", 1)

        async def main():
            async with alice:
                with self.assertRaisesRegex(RuntimeError, "another event loop"):
                    await asyncio.to_thread(asyncio.run, elsewhere())

        alice = slow.Junction("alice")
        asyncio.run(main())

    def test_one_that_is_forgotten_is_freed_with_a_warning(self):
        before = threads()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for n in range(5):
                slow.Junction(f"forgotten{n}")
                gc.collect()
        self.assertEqual([warning.category for warning in caught], [ResourceWarning] * 5)
        self.assertEqual(threads(), before)

    def test_one_that_is_collected_on_its_own_thread_is_freed(self):
        class Collecting:  # what an event loop's allocations may do
            def call_soon_threadsafe(self, *_arguments):
                gc.collect()

        before = threads()
        junction = slow.Junction("forgotten")
        options, error = slow._SendOptions(struct_size=ctypes.sizeof(slow._SendOptions), reliable=True, ttl_ns=10**7), slow._Error()
        room, handle = junction._room, junction._handle
        room.loop, junction.itself = Collecting(), junction
        gc.disable()
        self.addCleanup(gc.enable)
        del junction, room
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            while slow._lib.slow_send_json(handle, b"nobody", b"1", options, None, error) == slow._OK:
                pass
            until = time.monotonic() + LIMIT
            while threads() > before and time.monotonic() < until:
                time.sleep(0.01)
        self.assertEqual([warning.category for warning in caught], [ResourceWarning])
        self.assertEqual(threads(), before)

    def test_closing_leaves_no_thread_and_no_descriptor(self):
        before = threads(), len(os.listdir("/proc/self/fd"))
        for n in range(20):
            with slow.Junction(f"j{n}") as junction:
                junction.listen("udp://127.0.0.1:0")
                self.assertGreater(threads(), before[0])
        self.assertEqual((threads(), len(os.listdir("/proc/self/fd"))), before)

    def test_an_interpreter_may_end_with_one_open(self):
        program = ("import asyncio, slow\njunction = slow.Junction('left')\n"
                   "async def main():\n    asyncio.create_task(junction.send('nobody', 1))\n    await asyncio.sleep(0)\n"
                   "asyncio.run(main())\nprint('ends')")
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT,
                               cwd=pathlib.Path(__file__).parent)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "ends\n", ""))

    def test_a_child_leaves_its_parents_junction_alone(self):
        with slow.Junction("parent") as junction:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside a thread
                child = os.fork()
            if child == 0:
                try:
                    junction.join("udp://127.0.0.1:9")
                except RuntimeError:
                    junction._abandoned()
                    os._exit(7)
                os._exit(1)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
            junction.join("udp://127.0.0.1:9")


class Errors(unittest.TestCase):
    def test_an_error_says_where_and_what(self):
        with self.assertRaises(slow.Error) as caught:
            slow.Junction("carol", {"routing": [{"plugin": "routing-distance-vektor"}]})
        self.assertIn("routing-distance-vector", caught.exception.text)
        self.assertTrue(str(caught.exception).startswith("config:1: routing[0].plugin: no plugin"))
        self.assertEqual(caught.exception.where, "routing[0].plugin")
        self.assertLess(caught.exception.status, 0)

    def test_a_config_is_a_mapping_or_a_file(self):
        config = {"network": "lab", "transports": [{"plugin": "transport-udp", "listen": ["udp://127.0.0.1:0"]}],
                  "routing": [{"plugin": "routing-link-state"}], "codecs": [{"plugin": "codec-json"}],
                  "security": {"plugin": "security-none"}}
        with slow.Junction("carol", config) as carol:
            self.assertEqual(carol.id, "carol")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"id": "dave", "routing": [{"plugin": "routing-flooding"}], "codecs": [{"plugin": "codec-json"}], '
                       '"transports": [{"plugin": "transport-udp"}], "security": {"plugin": "security-none"}}')
            file.flush()
            with slow.Junction(config=file.name) as dave:
                self.assertEqual(dave.id, "dave")
            with self.assertRaisesRegex(ValueError, "is the config of dave; expected that of erin"):
                slow.Junction("erin", file.name)
        with self.assertRaisesRegex(slow.Error, "no-such-file"):
            slow.Junction(config="/no-such-file.json")

    def test_an_option_of_a_message_says_what_it_may_be(self):
        async def main():
            async with slow.Junction("carol") as carol:
                with self.assertRaisesRegex(ValueError, "order is 'ordered'; expected one of Order.NONE, Order.ORDERED"):
                    await carol.send("dave", 1, order="ordered")
                with self.assertRaisesRegex(ValueError, "channel is 64; expected a number from 0 to 63"):
                    await carol.send("dave", 1, channel=64)
        asyncio.run(main())

    def test_junctions_of_another_network_are_not_ours(self):
        async def main():
            async with slow.Junction("alice", network="blue") as alice, slow.Junction("bob", network="red") as bob:
                alice.join(bob.listen("udp://127.0.0.1:0"))
                with self.assertRaises(slow.NotDelivered):
                    await alice.send("bob", 1, ttl=0.3)

        asyncio.run(main())

    def test_wrong_arguments_are_refused_and_not_cut(self):
        async def main():
            async with slow.Junction("alice") as alice:
                for wrong, kind in (({"channel": 64}, ValueError), ({"channel": 256}, ValueError), ({"priority": -1}, ValueError),
                                    ({"hop_limit": 256}, ValueError), ({"ttl": -1}, ValueError), ({"ttl": float("nan")}, ValueError),
                                    ({"order": 7}, ValueError), ({"kind": 0x18000}, ValueError), ({"kind": 1}, slow.Error)):
                    with self.subTest(wrong), self.assertRaises(kind):
                        await alice.send("bob", b"", **wrong)
                for to, body, kind in (("a\0b", 1, ValueError), (b"bob", 1, TypeError), ("", 1, slow.Error), ("x" * 64, 1, slow.Error),
                                       ("bob", object(), TypeError), ("bob", float("nan"), ValueError), ("bob", "\ud800", ValueError),
                                       ("bob", bytes(17 * 1024 * 1024), slow.Error)):
                    with self.subTest(to=to), self.assertRaises(kind):
                        await alice.send(to, body)
                with self.assertRaises(TypeError):
                    await alice.send("bob", {"no": "bytes"}, kind=0x8000)
                for address in ("nowhere", "udp://127.0.0.1:notaport"):
                    with self.subTest(address), self.assertRaises(slow.Error):
                        alice.listen(address)
                alice.join("udp://127.0.0.1:9")
                alice.leave("udp://127.0.0.1:9")
                with self.assertRaisesRegex(slow.Error, "^udp://127.0.0.1:9: nothing was joined"):
                    alice.leave("udp://127.0.0.1:9")
                self.assertEqual(alice._pending, {})

        asyncio.run(main())
        with self.assertRaises(TypeError):
            slow.Junction()

    def test_a_body_that_python_cannot_hold_is_an_error_where_it_is_read(self):
        for data, kind in ((b"[" * 100_000 + b"]" * 100_000, RecursionError), (b"1" * 10_000, ValueError)):
            message = slow.Message("mallory", slow.Type.JSON, data, 0, 0, False, 0, 0)
            with self.assertRaises(kind):
                message.body

    def test_a_library_that_is_not_there_is_named(self):
        for path, text in (("/no/libslow.so.1", "cannot load /no/libslow.so.1"), ("libc.so.6", "libc.so.6 is no libslow")):
            ended = subprocess.run([sys.executable, "-c", "import slow"], capture_output=True, text=True, timeout=LIMIT,
                                   env={**os.environ, "SLOW_LIBRARY": path}, cwd=pathlib.Path(__file__).parent)
            self.assertIn(f"ImportError: {text}", ended.stderr)

    def test_the_library_tells_its_version(self):
        self.assertRegex(slow.version(), r"^\d+\.\d+\.\d+$")
        self.assertEqual(slow._named(slow.Reason, 99), 99)  # a later library's


if __name__ == "__main__":
    unittest.main()
