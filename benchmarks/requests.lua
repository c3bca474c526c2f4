-- For wrk: hands out requests that were signed beforehand, each once, from the file that is its argument.
-- The file has each request's length on a line, then its bytes; thread k of n takes every n-th one.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init(args)
  ready, place = {}, 0
  local threads_in_all = tonumber(args[2])
  local file = assert(io.open(args[1], "rb"))
  local read = 0
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    local request_text = file:read(length)
    read = read + 1
    if read % threads_in_all == number % threads_in_all then table.insert(ready, request_text) end
  end
  file:close()
end

function request()
  place = place % #ready + 1
  return ready[place]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50": %.6f, "p99": %.6f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
