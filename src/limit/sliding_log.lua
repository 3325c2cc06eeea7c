
-- The time of every request of the last window: exact, and as large as the limit.
-- State: a list of times (µs), oldest first.
local function sliding_log(_, _, limit, window, punishing, key, rule)
    local punishes = punishing == 1
    local newest = tonumber(call('LINDEX', key, -1))
    local ahead = newest and newest > now
    if ahead and counts then
        local times = call('LRANGE', key, 0, -1)
        call('DEL', key)
        for _, moment in ipairs(times) do
            call('RPUSH', key, string.format('%.0f', math.min(tonumber(moment), now)))
        end
        call('PEXPIRE', key, lifetime(rule))
    end
    newest = ahead and now or newest
    -- Those that are over, in pages that grow: mostly there is one, and after a pause there are many.
    local over, page = 0, 2
    repeat
        local times = call('LRANGE', key, over, over + page - 1)
        local before = over
        for _, moment in ipairs(times) do
            if tonumber(moment) + window > now then
                break
            end
            over = over + 1
        end
        local more = #times == page and over - before == page
        page = math.min(page * 8, 1000)
    until not more
    local live = call('LLEN', key) - over
    local fits = live + cost <= limit
    -- Of refused calls no more than `limit` are of interest, or who keeps trying would fill the server.
    local added = math.min(cost, limit)
    local retry = -1
    if cost <= limit and not fits then
        local place = live + cost - limit - 1 + (punishes and counts and added or 0)
        local leaves = place < live and tonumber(call('LINDEX', key, over + place)) or now
        retry = math.min(leaves, now) + window - now
    end
    local function store()
        over = math.max(over, over + live + added - limit)
        if over > 0 then
            call('LTRIM', key, over, -1)
        end
        for _ = 1, added do
            call('RPUSH', key, string.format('%.0f', now))
        end
        call('PEXPIRE', key, lifetime(rule))
    end
    local reset = live > 0 and newest + window - now or 0
    return fits, math.max(limit - live, 0), reset, window, retry, (fits or punishes) and store, false, false, punishes
end
