-- The second line of defence for streamed responses and for trailers.
--
-- Envoy takes a clean end of the guard's stream for consent, and would let the rest of a response pass as it is.
-- This filter runs after ext_proc on the way out. The guard writes dynamic metadata with its answers:
--   resp      "hdr" when a stream begins, then a new value with each piece: a piece without one is emptied
--   trailers  "done" with its answer to trailers: without it, trailers are removed
-- An error in a Lua filter lets everything pass: whatever may fail runs under pcall, and a failure hides.

local function marks(handle)
  return handle:streamInfo():dynamicMetadata():get("guard") or {}
end

local function mark(handle, name)
  local read, found = pcall(marks, handle)
  if read and type(found) == "table" then
    return found[name]
  end
  return nil
end

local function drop_trailers(handle)
  local trailers = handle:trailers()
  if trailers == nil or mark(handle, "trailers") == "done" then
    return
  end
  local names = {}
  for name, _ in pairs(trailers) do
    names[#names + 1] = name
  end
  for _, name in ipairs(names) do
    trailers:remove(name)
  end
end

local function drop_length(handle)
  handle:headers():remove("content-length")
end

function envoy_on_response(handle)
  if mark(handle, "resp") ~= "done" then
    pcall(drop_length, handle) -- of what may be emptied: a caller would wait for the rest
    local last = "hdr" -- not what "resp" says by now: pieces that came with the headers may be answered already
    for chunk in handle:bodyChunks() do
      local now = mark(handle, "resp")
      if now == nil or now == last then
        chunk:setBytes("")
      end
      last = now
    end
  end
  drop_trailers(handle)
end
