/* SPDX-License-Identifier: BSD-2-Clause */
/* echo: gives a request's body back, or shows a request that has none. */
#include <stdio.h>

#include "kvm_api.h"

static void
show(const struct kvm_request *req)
{
	static char text[16384];
	size_t n;

	n = (size_t)snprintf(text, sizeof text, "%s %s\narg: %s\n",
	    req->method, req->url, req->arg);
	for (unsigned i = 0; i < req->num_headers && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s\n",
		    req->headers[i].field);
	if (n > sizeof text)
		n = sizeof text;
	backend_response(200, "text/plain", 10, text, n);
}

static void
on_request(const struct kvm_request *req)
{
	if (req->content == NULL)
		show(req);
	else
		backend_response(200, req->content_type,
		    req->content_type_len, req->content, req->content_len);
}

int
main(void)
{
	if (IS_LINUX_MAIN()) {
		fputs("echo answers requests; try: tinykvm call echo\n",
		    stderr);
		return (2);
	}
	set_backend_request(on_request);
	wait_for_requests();
}
