-- Asks mcp-oauthd whether HAProxy may let a request through: http-request lua.mcp_gate ADDRESS
-- Change: nothing. The address of the gate stands in haproxy.cfg.
-- Save as /etc/haproxy/mcp_gate.lua, beside haproxy.cfg, which loads it.

-- What the gate decides on. It hears of nothing else.
local DECIDING = { "authorization", "mcp-protocol-version", "mcp-method", "mcp-name" }
-- Who calls, as the gate says it, on every yes.
local IDENTITY = {
  "x-auth-subject",
  "x-auth-username",
  "x-auth-client-id",
  "x-auth-client-name",
  "x-auth-scope",
  "x-auth-grant-id",
  "x-auth-expires",
}
-- What the client hears of a no.
local CHALLENGE = { "www-authenticate", "cache-control", "content-type" }
-- Milliseconds for one attempt. HAProxy makes up to four.
local PATIENCE = 2000

local function ask(address, received)
  local headers = {}
  for _, name in ipairs(DECIDING) do
    -- All of the lines, if there are several: that is for the gate to refuse.
    headers[name] = received[name]
  end
  return core.httpclient():get({ url = address, headers = headers, timeout = PATIENCE })
end

local function said(answer, name)
  local lines = answer.headers and answer.headers[name]
  return lines and lines[0]
end

local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status, body = answer.body })
  for _, name in ipairs(CHALLENGE) do
    local line = said(answer, name)
    if line then reply:add_header(name, line) end
  end
  txn:done(reply)
end

local function admit(txn, answer)
  for _, name in ipairs(IDENTITY) do
    local line = said(answer, name)
    if not line then return end
    txn.http:req_set_header(name, line)
  end
  txn:set_var("txn.mcp_admitted", true)
end

-- HAProxy goes on after an error in here, and when nothing was decided: haproxy.cfg looks at the variable.
core.register_action("mcp_gate", { "http-req" }, function(txn, address)
  local asked, answer = pcall(ask, address, txn.http:req_get_headers())
  if not asked or not answer then return end
  if answer.status == 200 then
    admit(txn, answer)
  elseif answer.status == 401 or answer.status == 403 then
    refuse(txn, answer)
  end
end, 1)

-- Trailers come when the gate has answered and the rules for headers are past, and some servers put them
-- among the headers. HAProxy 2.6 cannot drop them: a request that has some ends.
local NoTrailers = { flags = filter.FLT_CFG_FL_HTX }
NoTrailers.__index = NoTrailers

function NoTrailers:new()
  return setmetatable({}, NoTrailers)
end

function NoTrailers:start_analyze(_, channel)
  if not channel:is_resp() then filter.register_data_filter(self, channel) end
end

-- With the end of a message comes one byte that is neither body nor trailer.
function NoTrailers:http_payload(_, message)
  if message:eom() and message:input() > #(message:body() or "") + 1 then
    error("a request with trailers was ended", 0)
  end
end

core.register_filter("mcp_no_trailers", NoTrailers, function(one) return one end)
