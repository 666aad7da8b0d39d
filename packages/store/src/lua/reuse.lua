
-- Included by the scripts that end jobs with answers that were computed for others.

-- Most bytes of answers that one call writes into jobs. The sweeper goes on where a call has stopped.
local MOST_GIVEN_BYTES = 4194304

-- Ends a job that waits.
local function end_answered(id, answer)
  local owner, slug = unpack(read(id, 'owner', 'model'))
  give_answer(id, answer)
  finalize(id, owner, slug, 'queued', 'succeeded', answer.result, '', '')
end

-- Ends the twins of a group, so many at most. Those that are left are looked at by the next sweep. Answers how many have ended.
local function answer_twins(group, answer, limit)
  local ended = 0
  repeat
    local id = redis.call('ZPOPMIN', twins_of(group))[1]
    if not id then break end
    end_answered(id, answer)
    ended = ended + 1
  until ended >= limit or ended * #answer.result >= MOST_GIVEN_BYTES
  look_after(group, now)
  return ended
end

-- A scheduled job is due.
local function arrive(job, ready_ms)
  local answer = job.reuse and find_answer(job.reuse)
  if not answer then return wait_in_turn(job, ready_ms) end
  count_reuse(job.slug, 'hits', 1)
  end_answered(job.id, answer)
end

-- Looks after twins whose leader has ended without having ended all of them. Answers how many jobs have ended or been sent on their way.
local function sweep_twins(limit)
  local done = 0
  for _, group in ipairs(redis.call('ZRANGE', P .. 'twin_groups', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)) do
    if done >= limit then break end
    local is_led = leader_of(group)
    local answer = not is_led and find_answer(string.match(group, '^[^:]+'))
    if answer then
      done = done + answer_twins(group, answer, limit - done)
    elseif is_led then
      look_after(group, now + LOOK_AFTER_MS)
    else
      hand_on(group)
      done = done + 1
    end
  end
  return done
end
