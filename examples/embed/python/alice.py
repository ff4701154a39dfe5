import asyncio, sys, slow

async def main(address):
    async with slow.Junction("alice") as alice:
        alice.join(address)
        for body in {"hello": "bob"}, b"\0\1\2":
            print((await alice.send("bob", body)).text)  # raises when it was not delivered
            answer = await alice.recv()
            print(f"from {answer.sender}: {answer.body!r}")

asyncio.run(main(sys.argv[1]))
