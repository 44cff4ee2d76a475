# SPDX-License-Identifier: BSD-2-Clause
# One of three nodes that divide the keys of a stateful program among them; see
# docs/nodes.md. All nodes load this same file, and each is started with its
# name, varnishd -i node1.
vcl 4.1;

import directors;
import tinykvm;

# A node counts as there from the start: one that is wrongly taken for gone
# would have its keys counted by another.
probe alive {
	.url = "/alive"; .interval = 1s; .timeout = 1s;
	.window = 3; .threshold = 2; .initial = 3;
}
backend node1 { .host = "192.0.2.1"; .port = "6081"; .probe = alive; }
backend node2 { .host = "192.0.2.2"; .port = "6081"; .probe = alive; }
backend node3 { .host = "192.0.2.3"; .port = "6081"; .probe = alive; }

acl nodes { "192.0.2.1"; "192.0.2.2"; "192.0.2.3"; }
acl admins { "192.0.2.9"; }

sub vcl_init {
	new ring = directors.shard();
	ring.add_backend(node1);
	ring.add_backend(node2);
	ring.add_backend(node3);
	ring.reconfigure();

	# The same for all nodes, and what is a node's own.
	tinykvm.library("http://192.0.2.9/library.json");
	tinykvm.configure("storage_table", {"{
		"filename": "/var/lib/tinykvm/storage_table",
		"key": "PUT A SECRET OF YOUR OWN HERE" }"});
}

sub vcl_recv {
	if (req.url == "/alive") {
		return (synth(200));
	}
	# Only a node may say that the request comes from one.
	if (client.ip !~ nodes) {
		unset req.http.X-Node;
	}
	if (req.url == "/update" &&
	    (req.method != "POST" || client.ip !~ admins)) {
		return (synth(403));
	}
	# Answers of a program that counts are good for one request.
	return (pass);
}

sub vcl_backend_fetch {
	if (bereq.url == "/update") {
		set bereq.backend = tinykvm.live_update("storage_table",
		    bereq.http.X-Update-Key);
		return (fetch);
	}
	# Whose key is it? What has none is answered here.
	if (bereq.url ~ "^/count/") {
		set bereq.backend = ring.backend(by = KEY,
		    key = ring.key(bereq.url), resolve = NOW);
	}
	# A request is passed on once: nodes that disagree about who is there
	# shall not play ball with it.
	if (bereq.url !~ "^/count/" || "" + bereq.backend == server.identity ||
	    (bereq.http.X-Node && bereq.http.X-Node != server.identity)) {
		set bereq.backend = tinykvm.program("storage_table", bereq.url);
	} else {
		set bereq.http.X-Node = server.identity;
	}
}
