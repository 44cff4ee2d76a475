#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The demonstration: starts, answers, stops without a trace; its sentences.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
port=$((20000 + $$ % 20000))

begin wrong_port_is_one_sentence
for p in x 0 65536 -1 "80 80"; do
	expect_status 1 tools/demo "$p"
	one_sentence
	has "$ERR" "PORT takes a number"
done
end

hide="mount -t tmpfs none /dev && exec"
if ! unshare -m sh -c "$hide true" 2>/dev/null; then
	skip missing_device_is_one_sentence "this needs root and mount"
else
	begin missing_device_is_one_sentence
	expect_status 1 unshare -m sh -c "$hide tools/demo $port"
	one_sentence
	has "$ERR" "there is no /dev/kvm"
	end
fi

# get PATH: status in $status, body in $work/body.
get() {
	status=$(curl -s -m 30 -o "$work/body" -w '%{http_code}' \
	    "http://127.0.0.1:$port$1")
}

# Asks for each example of the page; prints those that answer otherwise.
ask_examples() {
	python3 - "$port" <<-'EOT'
	import json, pathlib, sys, urllib.error, urllib.request

	site = f"http://127.0.0.1:{sys.argv[1]}"
	def ask(path, body=None, options=None):
	    request = urllib.request.Request(site + path, body, {
	        "X-Options": json.dumps(options), "Content-Type": "text/plain"})
	    try:
	        with urllib.request.urlopen(request, timeout=60) as answer:
	            return answer.status, answer.read()
	    except urllib.error.HTTPError as answer:
	        return answer.status, answer.read()

	photo = pathlib.Path("build/share/photo.jpg").read_bytes()
	shown = json.loads(ask("/examples.json")[1])
	missing = {f.parent.name for f in pathlib.Path("programs").glob(
	    "*/library.json")} - shown.keys()
	if missing:
	    print("no example of", missing)
	for example in (e for s in shown.values() for e in s["examples"]):
	    body = example["input"].encode() if "input" in example else photo
	    status, answer = ask("/library/" + example["program"], body,
	                         example["options"])
	    if status != example["status"]:
	        print(example, "answers", status, answer[:200])
	EOT
}

descendants() {
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		echo "$child"
		descendants "$child"
	done
}

if needs_kvm interrupt_leaves_no_process; then
	begin interrupt_leaves_no_process
	(. tools/kvm-open && kvm_open && kvm_close)
	mode=$(stat -c %a /dev/kvm)
	env --default-signal=INT tools/demo $port >"$OUT" 2>"$ERR" &
	demo=$!
	for _ in $(seq 300); do
		! grep -q "is at http" "$OUT" || break
		sleep 0.1
	done
	has "$OUT" "http://127.0.0.1:$port/"
	all=$(descendants $demo)
	[ -n "$all" ] || wrong "no process was started"
	get /
	[ "$status" = 200 ] || wrong "/ answers $status"
	has "$work/body" "<title>tinykvm</title>"
	get /hello
	has "$work/body" "Hello World!"
	get /photo.webp
	[ "$(head -c 4 "$work/body")" = RIFF ] || wrong "/photo.webp is no WebP"
	ask_examples >"$work/examples" 2>&1
	[ ! -s "$work/examples" ] || wrong "$(cat "$work/examples")"
	get /crash
	[ "$status" = 500 ] || wrong "/crash answers $status"
	expect_status 1 tools/demo $port
	has "$ERR" "something listens on 127.0.0.1:$port already"
	kill -INT $demo 2>/dev/null
	wait $demo
	for p in $all; do
		[ ! -e "/proc/$p" ] || wrong "process $p still runs"
	done
	[ "$(stat -c %a /dev/kvm)" = "$mode" ] || wrong "/dev/kvm stays open"
	end
fi
finish
