-- Plays the requests of a plan in turn, and prints one line of JSON at the end. Usage: wrk -s load.lua URL -- PLAN TAG
--
-- A line of the plan holds, between tabs: method, path, name and value of the token's header, body, version.
-- @serial@ in a path or body becomes a text that no other request has; @version@ becomes the object's version. A
-- A body that begins with hex: is a message in Protocol Buffers. A
-- version that is a number grows by one with each request; any other is taken from the response, and an object whose
-- response is still on its way is passed over.

local plan, turn, serial, verified, tag = {}, 0, 0, false, ""

local function columns(line)
  local found = {}
  for column in (line .. "\t"):gmatch("([^\t]*)\t") do found[#found + 1] = column end
  return found
end

local function typed(body)
  if body == "" then return nil, nil end
  if body:sub(1, 4) ~= "hex:" then return body, "application/json" end
  local raw = body:sub(5):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  return raw, "application/proto"
end

local function remember(status, _, body)
  local entry = plan[body:match('"id":"([^"]+)"')]
  if status < 300 and entry then entry.version = body:match('"version_id":"([^"]+)"') end
end

function init(args)
  tag = args[2]
  for line in io.lines(args[1]) do
    local method, path, header, token, body, version = unpack(columns(line))
    local sent, content_type = typed(body)
    local entry = { method = method, path = path, body = sent }
    entry.headers = { [header] = token, ["Content-Type"] = content_type }
    if version ~= "" then
      entry.version = tonumber(version) or version
      if not tonumber(version) then
        plan[path:match("[^/]+$")] = entry
        response = remember -- only where it is needed: wrk keeps no bodies otherwise
      end
    elseif not line:find("@serial@", 1, true) then
      entry.ready = wrk.format(method, path, entry.headers, entry.body)
    end
    plan[#plan + 1] = entry
  end
end

local function next_entry()
  for _ = 1, #plan do
    turn = turn % #plan + 1
    local entry = plan[turn]
    if entry.ready or not entry.body or entry.version or not entry.body:find("@version@", 1, true) then return entry end
  end
  error("every object is waiting for a response: the plan has fewer objects than wrk has connections")
end

local function filled(text, entry)
  return text and text:gsub("@serial@", tag .. serial):gsub("@version@", tostring(entry.version))
end

function request()
  if not verified then -- wrk asks once before it begins, and does not send the answer
    verified = true
    return wrk.format("GET", "/")
  end
  local entry = next_entry()
  if entry.ready then return entry.ready end
  serial = serial + 1
  local path, body = filled(entry.path, entry), filled(entry.body, entry)
  if entry.version then entry.version = type(entry.version) == "number" and entry.version + 1 or nil end
  return wrk.format(entry.method, path, entry.headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"elapsed_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
