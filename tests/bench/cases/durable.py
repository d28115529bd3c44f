"""Durable 201s a second with 64 clients, beside our own HTTP stack without a journal, and the peers."""
from suite import load, peers
from suite.bases import dead_port
from suite.bench import Case
from suite.daemon import Store
from suite.place import BenchError, free_port, fresh_folder
from suite.stats import Figure, per_second, ratios

CLIENTS = 64


def run(bench):
    seconds = bench.size(3, 1)
    folder = fresh_folder("durable")
    ceiling = load.Listening("ceiling", folder, free_port())
    store = Store(folder, target_port=dead_port()).start()
    ours, limit, unix = [], [], []
    posted = 0
    for _ in bench.each_round():
        limit.append(load.wrk(ceiling.where, CLIENTS, seconds)["per_second"])
        result = load.wrk(store.till, CLIENTS, seconds)
        ours.append(result["per_second"])
        posted += result["requests"]
        result = load.post(store.unix, connections=CLIENTS, seconds=seconds)
        unix.append(result["per_second"])
        posted += result["documents"]
    # wrk drops what is under way when its time is up: answered or not, those may be in the journal too.
    kept = store.documents()
    if not posted <= kept <= posted + CLIENTS * 2 * bench.rounds:
        raise BenchError(f"{posted} documents were answered 201, the journal holds {kept}")
    store.stop()
    ceiling.stop()
    parts = [("daemon", per_second(ours))]
    return [
        Figure("durable 201s/s, 64 clients, wrk over TCP, of our HTTP ceiling", ratios(ours, limit), "%", (">=", 0.70),
               parts + [("ceiling", per_second(limit))]),
        Figure("- our client over the Unix socket", unix, "/s"),
    ]


def run_peers(bench):
    """Round by round: the daemon, then each peer."""
    seconds = bench.size(3, 1)
    store = Store(fresh_folder("durable-peers"), target_port=dead_port()).start()
    ours, ours_alone, rates, alone = [], [], {}, {}
    standing, rabbit = [peers.Postgres(), peers.Redis(), peers.Nats()], peers.Rabbit()
    rabbit.stand_still(True)
    for _ in bench.each_round():
        ours.append(load.wrk(store.till, CLIENTS, seconds)["per_second"])
        ours_alone.append(load.post(store.till, seconds=1)["p50_us"])
        for peer in standing:
            turn(peer, seconds, rates, alone)
        rabbit.stand_still(False)
        for queue in rabbit.queues():
            turn(queue, seconds, rates, alone)
        rabbit.stand_still(True)
    for server in (*standing, rabbit, store):
        server.stop()
    must = {"PostgreSQL": (">=", 4.0), "Redis": (">=", 1.2)}
    figures = [Figure(f"durable 201s/s, 64 clients, of {name}", ratios(ours, values), "x", must.get(name),
                      [("daemon", per_second(ours)), (name, per_second(values))]) for name, values in rates.items()]
    figures.append(Figure("- p50 of one client: daemon", ours_alone, "µs"))
    return figures + [Figure(f"- p50 of one client: {name}", values, "µs") for name, values in alone.items()]


def turn(peer, seconds, rates, alone):
    rates.setdefault(peer.name, []).append(peer.load(CLIENTS, seconds)["per_second"])
    alone.setdefault(peer.name, []).append(peer.load(1, 1)["p50_us"])


CASES = [
    Case("durable", "durable 201s/s with 64 clients, of our own HTTP stack without a journal", run),
    Case("peers", "the same of PostgreSQL, Redis, RabbitMQ and NATS JetStream; p50 of one client", run_peers),
]
