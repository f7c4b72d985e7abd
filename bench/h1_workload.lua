-- SPDX-License-Identifier: Apache-2.0 OR MIT
-- The small-file workload: 500 URLs, full browser-like heads, fields that vary from request to request.
local agents = {
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
}
local languages = { "en-GB,en;q=0.9", "ja,en;q=0.8", "de-DE,de;q=0.9,en;q=0.7", "es,en;q=0.5" }
local n = 0
request = function()
  n = n + 1
  local i = (n * 7919) % 500
  return "GET /f/" .. i .. ".txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: " .. agents[n % 3 + 1] ..
    "\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: " .. languages[n % 4 + 1] ..
    "\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: http://127.0.0.1:8080/page/" .. (n % 1000) ..
    "\r\nCookie: session=" .. (n * 2654435761 % 4294967296) .. "; theme=dark\r\nConnection: keep-alive\r\n\r\n"
end
