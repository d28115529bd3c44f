-- wrk: a unique document with every request. BENCH_SALE names the template, BENCH_RUN makes the ids of a run its own.
-- The id has a fixed width, so that the whole request but for the id is made once.
local path = os.getenv("BENCH_SALE") or "tests/bench/load/sale.json"
local file = assert(io.open(path))
local sale = file:read("*l")
file:close()
local run = tonumber(os.getenv("BENCH_RUN") or "0")
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local head, tail, prefix
local count = 0

function init(args)
  local from, to = sale:find("BENCH%-0000000000")
  assert(from, "the template has no id BENCH-0000000000")
  head = "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " ..
    #sale .. "\r\n\r\n" .. sale:sub(1, from - 1)
  tail = sale:sub(to + 1)
  prefix = string.format("B%03d%01d-", run, number)
end

function request()
  count = count + 1
  return head .. prefix .. string.format("%010d", count) .. tail
end

-- One line of JSON for the suite: microseconds.
function done(summary, latency, requests)
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"max_us":%d,"bad_status":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
