-- For wrk: sends the requests of a file, one after the other: method, path, headers and body as JSON-free lines.
-- Each line holds: method TAB path TAB body TAB name: value TAB name: value … A %K in it becomes a key used once.
local requests, position, key = {}, 0, 0

function init(args)
  math.randomseed(os.time() + os.clock() * 1e6)
  key = math.random(1e9) * 1e6
  for line in io.lines(args[1]) do
    local parts = {}
    for part in (line .. "\t"):gmatch("([^\t]*)\t") do parts[#parts + 1] = part end
    local headers = {}
    for number = 4, #parts do
      local name, value = parts[number]:match("^([^:]+): (.*)$")
      headers[name] = value
    end
    requests[#requests + 1] = { parts[1], parts[2], parts[3], headers }
  end
end

function request()
  position = position % #requests + 1
  key = key + 1
  local found = requests[position]
  local body = found[3] ~= "" and found[3] or nil
  return wrk.format(found[1], (found[2]:gsub("%%K", string.format("%.0f", key))), found[4], body)
end

function done(summary, latency)
  io.write(string.format("RESULT %f %f %f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
