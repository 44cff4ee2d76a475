#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The examples of the module's manual compile, load, and serve a request.
. "$(dirname "$0")/lib.sh"

# One VTC per example: all programs that it names are vmod_probe.
write_vtcs() {
	python3 - "$1" <<-'EOT'
	import pathlib, re, sys

	text = pathlib.Path("vmod/vmod_tinykvm.vcc").read_text()
	out = pathlib.Path(sys.argv[1])
	functions = set(re.findall(r"^\$Function \w+ (\w+)", text, re.M))
	# A paragraph that ends in :: and what is indented behind it.
	blocks = re.findall(r"::\n\n((?:\t[^\n]*\n|\n(?=\t))+)", text)
	used = set()
	for n, block in enumerate(b for b in blocks if "tinykvm." in b):
	    code = "\n".join(l[1:] for l in block.splitlines())
	    used |= set(re.findall(r"tinykvm\.(\w+)\(", code)) & functions
	    code = re.sub(r"^vcl 4.1;|^import tinykvm;|^backend default none;",
	                  "", code, flags=re.M)
	    code = re.sub(r'"(file://)?/[^"]*compute.json"',
	                  '"${build}/compute.json"', code)
	    code = re.sub("/usr/(local/)?lib/tinykvm/programs", "${programs}", code)
	    code = code.replace("8088", "${chat_port}")
	    if not re.search(r"^(sub|backend)\b", code, re.M):
	        sub = ("vcl_backend_fetch" if re.search(
	            r"\.(program|chain|chain_clear)\(|bereq", code) else
	            "vcl_deliver" if "resp." in code else "vcl_recv")
	        code = "sub %s {\n%s\n}" % (sub, code)
	    library = '${build}/compute.json' in code
	    names = set(re.findall(
	        r'tinykvm\.(?:program|chain|to_string|to_blob|synth|is_ready|start|'
	        r'main_arguments|live_update|live_update_file)\(\s*"([^"]+)"', code))
	    names |= set(re.findall(r'synth\([^"]*"([^"]+)"', code))
	    names -= set(re.findall(r'configure\("([^"]+)"', code)) | {"fetch"}
	    if library:
	        names -= {"webp", "base64"}
	    init = "".join('tinykvm.configure("%s", {"{ "filename": '
	                   '"${testguests}/vmod_probe" }"});\n' % name
	                   for name in sorted(names))
	    acl = 'acl admins { "127.0.0.1"; }\n' if "admins" in code else ""
	    (out / f"example_{n:02}.vtc").write_text(f'''varnishtest "example {n}"
	varnish v1 -vcl {{
	import ${{vmod_tinykvm}};
	import std;
	import blob;
	backend default none;
	{acl}sub vcl_init {{
	{init}}}
	{code}
	}} -start
	client c1 {{
	txreq -hdr "Authorization: x"
	rxresp
	expect resp.status >= 200
	}} -run
	varnish v1 -cliok "vcl.list"
	''')
	missing = functions - used
	if missing:
	    sys.exit("no example of " + ", ".join(sorted(missing)))
	EOT
}

begin every_function_has_an_example
mkdir "$work/vtc"
write_vtcs "$work/vtc" 2>"$ERR" || wrong "$(tail -n 3 "$ERR")"
end

if needs_kvm examples_compile_and_run; then
	begin examples_compile_and_run
	sed -i "s|\${chat_port}|$((20000 + $$ % 20000))|" "$work"/vtc/*.vtc
	tools/run-vtc "$work"/vtc/*.vtc >"$OUT" 2>&1 ||
	    wrong "$(grep -aE '^FAIL|Message|^----' -A 4 "$OUT" | head -n 40)"
	end
fi
finish
