"""Model of `routing-distance-vector` (docs/routing.md, rules 1-11): a seeded discrete-event simulation with its checks.

    python3 tests/model/distance_vector.py TOPOLOGY.json|GRAPH [--seed N] [--cuts N] [--kills N] [--chaos N]
                                           [--control NAME] [--set RULE=VALUE]

A rule is changed here first, with a run that fails without the change and one that holds with it, and in the plugin
then. GRAPH is ring:N, grid:WIDTHxHEIGHT or random:N.

It brings the network up, cuts and repairs links, kills and restarts junctions (also without memory and with a clock gone
back), parts and heals it, gives one id to two junctions, then mixes all that at short distance. After each event it runs
until nothing is scheduled and compares every route with Dijkstra; at every change of installed next hops it looks for a
cycle and for a feasibility distance that does not fall. Exit status 0: all held. A --control breaks one rule and must fail:
no-feasibility late-fd no-refilter lost-memory foreign-bump swallow-requests. Times are in ms, costs in 0.1 ms.
Left out: ORIGIN handles and proofs (a matter of coding), pacing of the table, expiry of FD, loss (the channel is
reliable).
"""
import argparse, collections, heapq, itertools, json, random, statistics, sys, zlib

INF = 0xffffffff
RETRACT = (0, INF)
RULES = dict(BATCH_FIRST=5, BATCH_MOST=20, RETRY=200, RETRIES=5, REPAIR_FIRST=300,
             REPAIR_NEXT=4000, REPAIR_MOST=300000, BUMP_GAP=100, SUPPRESS=200, REMEMBER=10000, TTL=255, TAKES=3,
             TAKES_PER=600000, QUIET=200000)
R = argparse.Namespace(**RULES)

Route = collections.namedtuple("Route", "via stamp metric")      # a selected route

class Batch:                                                # rule 5, one for each neighbour
    def __init__(self): self.pending, self.hold = {}, 0

class Asking:                                               # rule 7a, one for each destination
    def __init__(self, asked_at, due): self.asked_at, self.due, self.round, self.along = asked_at, due, 0, {}

def epoch_of(stamp): return stamp >> 32                     # a stamp is (epoch, seq) as one number
def newer(word, fd): return fd is None or word[0] > fd[0] or word[0] == fd[0] and word[1] < fd[1]

class Junction:
    def __init__(self, net, index, name, epoch):
        self.net, self.index, self.id, self.epoch, self.seq = net, index, name, epoch, 1
        self.links, self.cost = {}, {}                      # neighbour -> adjacency, cost
        self.offers, self.fd, self.chosen, self.installed = {}, {}, {}, {}      # by destination
        self.told, self.batch, self.urgent = {}, {}, {}     # by neighbour
        self.askers, self.passed, self.asking, self.repairs = {}, {}, {}, {}    # by destination
        self.bumped_at, self.bump_due, self.takes, self.shown = -1e9, False, [], 0
    def stamp(self): return self.epoch << 32 | self.seq

    # ---- rule 1, 3, 11: feasibility, FD, candidates
    def feasible(self, dest, offer):
        return newer(offer, self.fd.get(dest)) or self.net.control == "no-feasibility"
    def lower_fd(self, dest, word):
        if newer(word, self.fd.get(dest)):
            self.fd[dest] = word
            if self.net.control != "no-refilter": self.offer_candidates(dest)
    def offer_candidates(self, dest):
        route, fd = self.chosen.get(dest), self.fd.get(dest)
        ranked, better, alternate = [], False, False        # infeasible now, but would be of use with a newer seq
        for via, offer in self.offers.get(dest, {}).items():
            total = offer[1] + self.cost[via]
            if self.feasible(dest, offer): ranked.append((total, route is None or via != route.via, via))
            elif route and offer[1] < route.metric and epoch_of(offer[0]) == epoch_of(fd[0]):
                if total < route.metric: better = True
                else: alternate = True
        self.net.install(self, dest, [via for _, _, via in sorted(ranked)])
        if not better and not (alternate and len(ranked) < 2): self.repairs.pop(dest, None)
        elif dest not in self.repairs: self.arm_repair(dest, R.REPAIR_FIRST, R.REPAIR_NEXT)

    # ---- rule 2, 5, 7: selection and what follows from a change
    def reselect(self, dest):
        old, best = self.chosen.get(dest), None
        for via, offer in self.offers.get(dest, {}).items():
            if not self.feasible(dest, offer): continue
            total = offer[1] + self.cost[via]
            rank = (-epoch_of(offer[0]), total, old is None or via != old.via)     # the newest epoch first
            if best is None or rank < best_rank: best, best_rank = Route(via, offer[0], total), rank
        if best: self.chosen[dest] = best
        else: self.chosen.pop(dest, None)
        changed = not (old and best) and old != best or old and (old.via, old.metric) != (best.via, best.metric)
        if changed: self.net.route_changed(bool(best) - bool(old))
        self.offer_candidates(dest)
        if old and not best:
            for to in self.links: self.tell_now(to, dest)
            self.ask(dest)
        elif changed or best and epoch_of(best.stamp) != epoch_of(old.stamp): self.tell_soon(dest)
        if best: self.answer(dest, best.stamp, not old or best.stamp != old.stamp)
        if best and (not old or best.via != old.via):       # rule 8: the new next hop is asked what others wait for
            most = max([0, *(asked for to, asked in self.asked(dest).items() if to != best.via)])
            if most > best.stamp:
                self.passed[dest] = (most, self.net.now)
                self.net.send(self, best.via, "request", dest, most, R.TTL)
        if best and not old and dest in self.fd:            # neighbours without a route wait as if they had asked
            for to in self.links:
                if to not in self.offers[dest]: self.tell_now(to, dest)
    def tell_now(self, to, dest): self.urgent.setdefault(to, {})[dest] = True
    def tell_soon(self, dest):                              # rule 5
        for to in self.links: self.batch[to].pending[dest] = True
    def answer(self, dest, stamp, renewed):
        for to, (asked, until) in list(self.askers.get(dest, {}).items()):
            if stamp >= asked or until < self.net.now: del self.askers[dest][to]
            if stamp >= asked or renewed: self.tell_now(to, dest)

    # ---- sending
    def word_for(self, to, dest):                           # rule 4: INF to the selected next hop
        if dest == self.id: return (self.stamp(), 0)
        route = self.chosen.get(dest)
        return RETRACT if route is None or route.via == to else (route.stamp, route.metric)
    def send_updates(self, to, dests, asked):
        told, entries = self.told[to], []
        for dest in dests:
            word, before = self.word_for(to, dest), told.get(dest, RETRACT)
            if word == before: continue
            if not asked and word[1] == before[1] and epoch_of(word[0]) == epoch_of(before[0]): continue    # rule 6
            if word != RETRACT and dest != self.id:
                if self.net.control == "late-fd": self.net.at(2 * self.net.latency(self.index, to), self, self.lower_fd, dest, word)
                else: self.lower_fd(dest, word)
            told[dest] = word
            if word == RETRACT and self.asks_next(dest):    # rule 7a: a retraction asks as well
                word = (self.wanted(dest), INF)
                self.asking[dest].along[to] = word[0]
            entries.append((dest,) + word)
        if entries: self.net.send(self, to, "updates", entries)
    def end_turn(self):                                     # "at once" is: at the end of the turn
        urgent, self.urgent = self.urgent, {}
        for to, dests in urgent.items():
            if to in self.links: self.send_updates(to, dests, True)
        for to, batch in self.batch.items():
            if batch.pending and not batch.hold: self.send_batch(to, batch, R.BATCH_FIRST)
    def send_batch(self, to, batch, hold):
        pending, batch.pending, batch.hold = batch.pending, {}, hold
        self.send_updates(to, pending, False)
        self.net.at(hold, self, self.batch_timer, to, batch)
    def batch_timer(self, to, batch):
        if self.batch.get(to) is not batch: return
        if batch.pending: self.send_batch(to, batch, min(R.BATCH_MOST, batch.hold * 2))
        else: batch.hold = 0

    # ---- events: neighbours (rule 9)
    def neighbour_up(self, to, adjacency, cost):
        self.links[to], self.cost[to], self.told[to], self.batch[to] = adjacency, cost, {}, Batch()
        self.batch[to].pending = dict.fromkeys([self.id, *self.chosen])
    def neighbour_down(self, to, adjacency):
        if self.links.get(to) != adjacency: return
        for table in (self.links, self.told, self.batch): del table[to]
        affected = [dest for dest, offers in self.offers.items() if offers.pop(to, None)]
        for askers in self.askers.values(): askers.pop(to, None)
        for dest in affected: self.reselect(dest)
    def neighbour_changed(self, to, cost):
        if to not in self.links: return
        self.cost[to] = cost
        for dest in [dest for dest, offers in self.offers.items() if to in offers]: self.reselect(dest)

    # ---- events: messages
    def updates(self, sender, entries):
        for dest, stamp, metric in entries:
            if dest == self.id:
                if metric != INF: self.shown_own_id(epoch_of(stamp))
                elif stamp: self.request_to_origin(sender, stamp)
                continue
            offers = self.offers.setdefault(dest, {})
            if metric == INF: offers.pop(sender, None)
            else: offers[sender] = (stamp, metric)
            self.reselect(dest)
            if metric == INF and stamp: self.request(sender, dest, stamp, R.TTL)
            if metric != INF and dest not in self.chosen: self.ask(dest)
    def request(self, asker, dest, stamp, ttl):             # rule 8
        if dest == self.id: return self.request_to_origin(asker, stamp)
        route = self.chosen.get(dest)
        if route and route.stamp >= stamp and route.via != asker: return self.tell_now(asker, dest)
        if self.net.control == "swallow-requests": return
        if self.net.control == "foreign-bump" and route and route.via != asker:
            self.offers[dest][route.via] = (stamp, self.offers[dest][route.via][1])
            self.reselect(dest)
            return self.tell_now(asker, dest)
        if self.net.control == "lost-memory": self.told[asker].pop(dest, None)
        self.askers.setdefault(dest, {})[asker] = (stamp, self.net.now + R.REMEMBER)
        if route and route.via == asker: self.tell_now(asker, dest)
        if self.asks_next(dest): return                     # that asks for this as well
        passed, when = self.passed.get(dest, (0, 0))
        if ttl == 0 or stamp <= passed and self.net.now < when + R.SUPPRESS: return
        self.passed[dest] = (stamp, self.net.now)
        others = {via: offer[1] + self.cost[via] for via, offer in self.offers.get(dest, {}).items() if via != asker}
        if route and route.via != asker: to = [route.via]
        elif route: to = sorted(others, key=others.get)[:1]
        elif dest in self.asking: to = [via for via in self.links if via != asker]
        else: to = list(others)
        for via in to: self.net.send(self, via, "request", dest, stamp, ttl - 1)
    def request_to_origin(self, asker, stamp):
        if epoch_of(stamp) > self.epoch: return self.shown_own_id(epoch_of(stamp))
        if self.stamp() >= stamp: return self.tell_now(asker, self.id)
        self.askers.setdefault(self.id, {})[asker] = (stamp, self.net.now + R.REMEMBER)
        if not self.bump_due:
            self.bump_due = True
            self.net.at(max(0, self.bumped_at + R.BUMP_GAP - self.net.now), self, self.bump)
    def bump(self):
        self.bumped_at, self.bump_due, self.seq = self.net.now, False, self.seq + 1
        self.answer(self.id, self.stamp(), True)
    def shown_own_id(self, epoch):                          # rule 10
        if epoch <= self.epoch: return
        self.takes = [t for t in self.takes if self.net.now - t < R.TAKES_PER - 1e-3]    # of rounding
        if len(self.takes) >= R.TAKES:                      # log, and stop until there may be another
            self.net.twins.add(self.index)
            if not self.shown: self.net.at(self.takes[0] + R.TAKES_PER - self.net.now, self, self.take_again)
            self.shown = max(self.shown, epoch)
            return
        self.takes.append(self.net.now)
        self.epoch, self.seq = epoch + 1, 1
        self.tell_soon(self.id)

    def take_again(self):
        shown, self.shown = self.shown, 0
        self.shown_own_id(shown)

    # ---- rule 7: asking
    def ask(self, dest):                                    # (a)
        if dest not in self.fd: return
        last = self.asking[dest].asked_at if dest in self.asking else -1e9
        self.asking[dest] = state = Asking(last, max(self.net.now, last + R.RETRY))
        self.net.at(state.due - self.net.now, self, self.ask_round, dest, state)
    def asks_next(self, dest):                              # due in this turn
        return dest in self.asking and dest not in self.chosen and self.asking[dest].due <= self.net.now
    def wanted(self, dest):                                 # for ourselves, or for whoever asked for most
        stamp = self.fd[dest][0] + 1
        return max([stamp, *(asked for asked in self.asked(dest).values() if epoch_of(asked) == epoch_of(stamp))])
    def asked(self, dest):
        return {to: asked for to, (asked, until) in self.askers.get(dest, {}).items() if until >= self.net.now}
    def ask_round(self, dest, state):
        if self.asking.get(dest) is not state: return
        if dest in self.chosen or state.round > R.RETRIES or state.round and not self.offers.get(dest): return self.asking.pop(dest)
        stamp, asked, offers = self.wanted(dest), self.asked(dest), self.offers.get(dest, {})
        for to in self.links:
            poor = to not in offers and asked.get(to, 0) >= stamp               # it asks us, and has no route either
            if state.round or not poor and state.along.get(to, 0) < stamp:
                self.net.send(self, to, "request", dest, stamp, R.TTL)
        self.passed[dest] = (stamp, self.net.now)
        state.asked_at, state.due = self.net.now, self.net.now + (R.RETRY << state.round)
        self.net.at(state.due - self.net.now, self, self.ask_round, dest, state)
        state.round += 1
    def arm_repair(self, dest, wait, next_wait):            # (b)
        self.repairs[dest] = token = [next_wait]
        self.net.at(wait, self, self.repair, dest, token)
    def repair(self, dest, token):
        if self.repairs.get(dest) is not token: return
        route, fd = self.chosen[dest], self.fd[dest]
        useful = sorted((offer[1] + self.cost[via], via) for via, offer in self.offers[dest].items()
                        if offer[1] < route.metric and epoch_of(offer[0]) == epoch_of(fd[0]) and not self.feasible(dest, offer))
        for total, via in useful:                           # at first, of mere alternates only the best
            if token[0] > R.REPAIR_NEXT or total < route.metric or (total, via) == useful[0]:
                self.net.send(self, via, "request", dest, fd[0] + (self.offers[dest][via][1] >= fd[1]), R.TTL)
        self.arm_repair(dest, token[0], min(R.REPAIR_MOST, token[0] * 2))

class Network:
    def __init__(self, topology, seed, control):
        self.random, self.control = random.Random(seed), control
        self.now, self.queue, self.order, self.adjacencies, self.hash = 0.0, [], itertools.count(), itertools.count(1), 0
        self.links = {(min(a, b), max(a, b)): max(0.5, 5.0 if ms is None else ms) for a, b, ms in topology["links"] if a != b}
        self.count, self.up, self.junctions, self.clock = len(topology["nodes"]), {}, {}, 1000
        self.entries = self.requests = self.loops = self.rises = self.routes = self.wanted = 0
        self.twins, self.full_at, self.changed_at, self.cost_of, self.failures, self.epochs = set(), 0, 0, {}, {}, {}
        for index in range(self.count): self.start(index)

    # ---- events and messages
    def at(self, delay, junction, call, *args): heapq.heappush(self.queue, (self.now + delay, next(self.order), junction, call, args))
    def run(self, until=None):
        limit = self.now + R.QUIET if until is None else until
        while self.queue and self.queue[0][0] <= limit:
            self.now, _, junction, call, args = heapq.heappop(self.queue)
            if junction is None: call(*args)
            elif self.junctions.get(junction.index) is junction: call(*args); junction.end_turn()
        if until is not None: self.now = until
        elif self.queue: self.fail("not quiet"); self.now = limit
    def latency(self, a, b): return self.links[min(a, b), max(a, b)]
    def send(self, junction, to, kind, *args):
        if kind == "updates": self.entries += len(args[0])
        else: self.requests += 1
        self.hash = zlib.crc32(repr((round(self.now, 6), junction.index, to, kind, args)).encode(), self.hash)
        self.at(self.latency(junction.index, to), None, self.deliver, junction.index, to, junction.links[to], kind, args)
    def deliver(self, sender, to, adjacency, kind, args):
        receiver = self.junctions.get(to)
        if receiver and receiver.links.get(sender) == adjacency == self.up.get((min(sender, to), max(sender, to))):
            getattr(receiver, kind)(sender, *args)
            receiver.end_turn()

    # ---- what happens to the network
    def start(self, index, name=None, clock_back=False):
        self.clock += 1000
        self.epochs[index] = epoch = self.epochs[index] - 500 if clock_back else self.clock
        self.junctions[index] = Junction(self, index, index if name is None else name, epoch)
    def join(self, link):
        if link in self.up: return
        a, b = (self.junctions.get(end) for end in link)
        if not a or not b: return
        for one, other in ((a, b), (b, a)):                 # a new session ends the old one
            if other.index in one.links: one.neighbour_down(other.index, one.links[other.index]); one.end_turn()
        self.up[link] = adjacency = next(self.adjacencies)
        for one, other in ((a, b), (b, a)):
            cost = self.cost_of.get((one.index, other.index)) or max(10, round(self.links[link] * 10))
            self.at(0, one, one.neighbour_up, other.index, adjacency, cost)
    def cut(self, link, skew=0.0):                          # each end notices on its own
        adjacency = self.up.pop(link, None)
        for one, other in (link, link[::-1]):
            junction = self.junctions.get(one)
            if junction and adjacency: self.at(self.random.uniform(0, skew), junction, junction.neighbour_down, other, adjacency)
    def part(self, side):
        for link in list(self.up):
            if (link[0] in side) != (link[1] in side): self.cut(link, 50)
    def kill(self, index, skew=0.0):
        self.routes -= len(self.junctions.pop(index).chosen)
        for link in [link for link in self.up if index in link]: self.cut(link, skew)
    def join_all(self):
        for link in self.links: self.join(link)
    def swing(self, link):                                  # the cost changes at one end
        one, other = link if self.random.random() < .5 else link[::-1]
        self.cost_of[one, other] = cost = max(10, round(self.links[link] * 10 * self.random.choice((1, 1, .5, 1.5, 3, 6))))
        if one in self.junctions: self.at(0, self.junctions[one], self.junctions[one].neighbour_changed, other, cost)

    # ---- checks
    def fail(self, what): self.failures[what] = self.failures.get(what, 0) + 1
    def holds(self, a, b):                                  # both ends hold the same adjacency
        peer = self.junctions.get(b)
        return peer is not None and a.index in peer.links and a.links.get(b) == peer.links[a.index]
    def install(self, junction, dest, hops):
        before = junction.installed.get(dest, ())
        junction.installed[dest] = hops
        for hop in hops:
            if hop not in junction.links: self.fail("next hop on a link known to be down")
            if not self.holds(junction, hop): continue
            peer, mine = self.junctions[hop], junction.fd.get(dest)
            theirs = (peer.stamp(), 0) if peer.id == dest else peer.fd.get(dest)
            if theirs is None or mine and not newer(theirs, mine): self.rises += 1
            if hop not in before and self.reaches(peer, junction, dest): self.loops += 1
    def reaches(self, start, goal, dest):
        stack, seen = [start], {start.index}
        while stack:
            junction = stack.pop()
            if junction is goal: return True
            if junction.id == dest: continue
            for hop in junction.installed.get(dest, ()):
                if hop not in seen and self.holds(junction, hop): seen.add(hop); stack.append(self.junctions[hop])
        return False
    def route_changed(self, difference):
        self.changed_at, before = self.now, self.routes
        self.routes += difference
        if self.routes == self.wanted != before: self.full_at = self.now
    def distances(self, target):                            # of everyone to target, with the costs the strategies were told
        found, heap = {}, [(0, target)]
        while heap:
            total, index = heapq.heappop(heap)
            if index in found: continue
            found[index] = total
            for peer in self.junctions[index].links:
                if peer in self.junctions and self.holds(self.junctions[peer], index):
                    heapq.heappush(heap, (total + self.junctions[peer].cost[index], peer))
        return found
    def expect(self):                                       # ordered pairs that the present links connect
        island = {index: {index} for index in self.junctions}
        for a, b in self.up:
            if island[a] is not island[b]:
                island[a] |= island[b]
                for index in island[b]: island[index] = island[a]
        self.wanted = sum(len(members) - 1 for members in island.values())
        if self.routes == self.wanted: self.full_at = self.now
    def verify(self, skip=()):
        found = dict(missing=0, stale=0, suboptimal=0, beliefs=0, leftover=0)
        pairs = several = possible = 0
        for target in self.junctions:
            if target in skip: continue
            known = self.distances(target)
            for index, junction in self.junctions.items():
                if index == target or index in skip: continue
                route = junction.chosen.get(target)
                if index not in known: found["stale"] += route is not None; continue
                pairs += 1
                several += len(junction.installed.get(target, ())) > 1
                possible += sum(known[peer] < known[index] for peer in junction.links if peer in known) > 1
                if route is None: found["missing"] += 1
                elif route.metric != known[index]: found["suboptimal"] += 1
        for junction in self.junctions.values():
            found["stale"] += sum(dest not in self.junctions for dest in junction.chosen)
            found["leftover"] += len(junction.asking) + len(junction.repairs)
            for to, told in junction.told.items():
                peer = self.junctions[to]
                believed = {dest: offers[junction.index] for dest, offers in peer.offers.items() if junction.index in offers}
                found["beliefs"] += believed != {dest: word for dest, word in told.items() if word != RETRACT and dest != peer.id}
        for what, number in found.items():
            if number: self.failures[what] = self.failures.get(what, 0) + number
        return several / max(1, pairs), possible / max(1, pairs)

def event(net, figures, kind, act, *args):                  # let it happen, run until quiet, count and check
    begin, entries, requests = net.now, net.entries, net.requests
    act(*args)
    net.expect()
    if kind == "cut" and net.wanted < net.count * (net.count - 1): kind = "cut of a bridge"
    net.run()
    full = net.full_at - begin if net.routes == net.wanted else -1
    figures.setdefault(kind, []).append((max(0, full), max(0, net.changed_at - begin), net.entries - entries, net.requests - requests) + net.verify())

def scenario(net, options):
    figures, pick, links = {}, net.random, sorted(net.links)
    event(net, figures, "cold start", net.join_all)
    for link in (pick.choice(links) for _ in range(options.cuts)):
        event(net, figures, "cut", net.cut, link)
        event(net, figures, "repair", net.join, link)
    for turn in range(options.kills):
        victim = pick.randrange(net.count)
        event(net, figures, "kill", net.kill, victim, 50)
        net.start(victim, clock_back=turn % 4 == 3)
        event(net, figures, "restart, clock back" if turn % 4 == 3 else "restart", net.join_all)
    for _ in range(options.kills // 2):
        near = net.distances(pick.randrange(net.count))
        side = set(sorted(near, key=near.get)[:net.count // 2])
        if pick.random() < .5: event(net, figures, "partition", net.part, side)
        else: net.part(side); net.run(net.now + pick.uniform(0, 8000))
        event(net, figures, "heal", net.join_all)
    for _ in range(options.chaos):
        for _ in range(pick.randrange(5, 30)):
            link, index = pick.choice(links), pick.randrange(net.count)
            action = pick.choice(("cut", "cut", "join", "join", "kill", "start", "swing", "swing"))
            if action == "cut": net.cut(link, 50)
            elif action == "join": net.join(link)
            elif action == "swing": net.swing(link)
            elif action == "kill" and len(net.junctions) > net.count * 2 // 3 and index in net.junctions: net.kill(index, 50)
            elif action == "start" and index not in net.junctions: net.start(index, clock_back=pick.random() < .2)
            net.run(net.now + pick.choice((0, 1, 10, 100, 1000)) * pick.random())
        for index in range(net.count):
            if index not in net.junctions: net.start(index)
        event(net, figures, "after chaos", net.join_all)
    return figures

def twins(net):                                             # rule 10: one of the two cannot be reached, until the other dies
    first, second = net.random.sample(range(net.count), 2)
    net.kill(second); net.run()
    net.start(second, name=first); net.join_all(); net.run(net.now + R.TAKES_PER / 2)
    net.verify(skip=(first, second))
    net.kill(second); net.run(net.now + R.TAKES_PER); net.run()
    net.verify()
    return net.twins

def made(name, seed):                                       # a graph of a kind
    kind, _, size = name.partition(":")
    draw = random.Random(seed)
    if kind == "grid":
        width, height = map(int, size.split("x"))
        pairs = [(y * width + x, y * width + x + step) for y in range(height) for x in range(width)
                 for step, fits in ((1, x + 1 < width), (width, y + 1 < height)) if fits]
        count = width * height
    elif kind == "ring":
        count = int(size)
        pairs = [(i, (i + 1) % count) for i in range(count)]
    elif kind == "random":
        count = int(size)
        pairs = [(draw.randrange(i), i) for i in range(1, count)] + [draw.sample(range(count), 2) for _ in range(count)]
    else: sys.exit(f"{name}: expected a file, ring:N, grid:WIDTHxHEIGHT or random:N")
    return dict(name=name, nodes=range(count), links=[(a, b, draw.uniform(1, 20)) for a, b in pairs])

def spread(values): return f"{statistics.median(values):.0f}/{max(values):.0f}"

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topology")
    for name, number in (("seed", 1), ("cuts", 10), ("kills", 4), ("chaos", 3)): parser.add_argument("--" + name, type=int, default=number)
    parser.add_argument("--control", default=""); parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    for setting in options.set: name, value = setting.split("="); setattr(R, name, int(value))
    topology = json.load(open(options.topology)) if options.topology.endswith(".json") else made(options.topology, options.seed)
    net = Network(topology, options.seed, options.control)
    figures = scenario(net, options)
    logged = twins(net) if options.chaos else set()
    print(f"{topology['name']}: {net.count} junctions, {len(net.links)} links, seed {options.seed} {options.control}")
    for kind, rows in figures.items():
        full, settled, entries, requests, several, possible = zip(*rows)
        print(f" {kind:20} {len(rows):3} times, median/max: all pairs again {spread(full)} ms, settled {spread(settled)} ms,"
              f" entries {spread(entries)}, requests {spread(requests)}; alternates {several[0]:.3f} .. {several[-1]:.3f} of {possible[-1]:.3f}")
    if net.loops: net.failures["loops"] = net.loops
    if net.rises: net.failures["FD does not fall"] = net.rises
    print(f" two with one id: logged by {len(logged)}; loops {net.loops}; trace {net.hash:08x}; failed: {net.failures or 'nothing'}")
    return 1 if net.failures else 0

if __name__ == "__main__": sys.exit(main())