/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counters.h: what is counted of each program; the one list that the library,
 * varnishstat (tools/gen-counters) and metrics() are made from.
 *
 * X(name, kind, text): kind is COUNT, BYTES or NS (nanoseconds) for what only
 * grows; GAUGE, GAUGE_BYTES or GAUGE_NS for what is. Gauges come last.
 */
#ifndef TINYKVM_COUNTERS_H
#define TINYKVM_COUNTERS_H

#include <stdint.h>

#define TKVM_COUNTERS(X) \
	X(invocations, COUNT, "Requests that ran") \
	X(exceptions, COUNT, "Faults, broken rules, no answer") \
	X(timeouts, COUNT, "Requests beyond max_request_time") \
	X(out_of_memory, COUNT, "Requests beyond max_request_memory") \
	X(on_error, COUNT, "Second chances taken") \
	X(status_2xx, COUNT, "Answers with status 200 to 299") \
	X(status_3xx, COUNT, "Answers with status 300 to 399") \
	X(status_4xx, COUNT, "Answers with status 400 to 499") \
	X(status_5xx, COUNT, "Answers with status 500 to 599") \
	X(input_bytes, BYTES, "Request bodies") \
	X(output_bytes, BYTES, "Answers' bodies") \
	X(resets, COUNT, "Times a machine was wiped") \
	X(pages_copied, COUNT, "Pages that wiping copied") \
	X(replaced, COUNT, "Machines that broke and were made anew") \
	X(queue_timeouts, COUNT, "Requests that waited too long") \
	X(queue_ns, NS, "Waiting for a machine or for a start") \
	X(run_ns, NS, "Running") \
	X(reset_ns, NS, "Wiping machines") \
	X(exits, COUNT, "Times a machine came back to the host") \
	X(faults, COUNT, "First writes to a page") \
	X(live_updates, COUNT, "Times it was replaced while it served") \
	X(unknown_calls, COUNT, "Calls answered -ENOSYS") \
	X(server_connections, COUNT, "Connections that it took") \
	X(server_refused, COUNT, "Connections beyond max_connections") \
	X(server_events, COUNT, "Events that it handled") \
	X(server_input_bytes, BYTES, "Read from connections") \
	X(server_output_bytes, BYTES, "Written to connections") \
	X(server_restarts, COUNT, "Servers made anew after a failure") \
	X(machines, GAUGE, "Request machines") \
	X(idle, GAUGE, "Of them idle") \
	X(waiting, GAUGE, "Requests that wait for a machine or a start") \
	X(image_bytes, GAUGE_BYTES, "Frozen memory that all machines share") \
	X(start_ns, GAUGE_NS, "From file to ready, last start")

struct tkvm_counters {
#define TKVM_COUNTER_FIELD(name, kind, text) uint64_t name;
	TKVM_COUNTERS(TKVM_COUNTER_FIELD)
#undef TKVM_COUNTER_FIELD
};

#endif
