"""One of several processes of one client, as those of a coding agent: they share a file of tokens and nothing else.

Each takes what stands in the file, refreshes with it, and puts the answer there, without a lock; now and then it is
ended before it has read or written the answer. It prints one line of JSON: how often it refreshed, and what was refused.
"""

import json
import os
import random
import sys
import time

import httpx

endpoint, client_id, path, times, seed = sys.argv[1:]
rng = random.Random(seed)
done, lost, refused = 0, 0, []
with httpx.Client(timeout=30) as http:
    while done < int(times):
        with open(path) as file:
            tokens = json.load(file)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": client_id,
        }
        # Some send what they were granted, and the resource; some send neither.
        if rng.random() < 0.5:
            form |= {"scope": f"{tokens['scope']} offline_access"}
        answer = http.post(endpoint, data=form)
        done += 1
        if answer.status_code != 200:
            refused.append([answer.status_code, answer.text])
            continue
        if rng.random() < 0.1:
            lost += 1
            continue
        mine = f"{path}.{os.getpid()}"
        with open(mine, "w") as file:
            json.dump(answer.json(), file)
        time.sleep(rng.random() * 0.02)
        os.replace(mine, path)
print(json.dumps({"done": done, "lost": lost, "refused": refused[:5]}))
