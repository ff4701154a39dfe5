import asyncio, sys, slow

async def main(address):
    async with slow.Junction("bob") as bob:
        print(bob.listen(address), flush=True)
        for _ in range(2):
            message = await bob.recv()
            print(f"from {message.sender}: {message.body!r}")
            print((await bob.send(message.sender, message.body)).text)

asyncio.run(main(sys.argv[1]))
