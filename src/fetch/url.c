/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url.c: one HTTP transfer by libcurl. Handles are kept, up to a number, since
 * they hold connections.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "fetch/fetch.h"

#define KEPT_MAX 16

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	/*
	 * Apart by whether private addresses are allowed: a connection that is
	 * used again has been looked at when it was made, and not since.
	 */
	struct pool {
		CURL *handle[KEPT_MAX];
		unsigned n;
	} pool[2];
} kept = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.once = PTHREAD_ONCE_INIT,
};

/* Once per process: libcurl cannot be ended while other users may exist. */
static void
start(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURL *
take_handle(bool private)
{
	struct pool *p = &kept.pool[private];
	CURL *h = NULL;

	(void)pthread_once(&kept.once, start);
	(void)pthread_mutex_lock(&kept.lock);
	if (p->n > 0)
		h = p->handle[--p->n];
	(void)pthread_mutex_unlock(&kept.lock);
	return (h != NULL ? h : curl_easy_init());
}

static void
give_handle(bool private, CURL *h)
{
	struct pool *p = &kept.pool[private];
	bool full;

	curl_easy_reset(h);
	(void)pthread_mutex_lock(&kept.lock);
	full = p->n == KEPT_MAX;
	if (!full)
		p->handle[p->n++] = h;
	(void)pthread_mutex_unlock(&kept.lock);
	if (full)
		curl_easy_cleanup(h);
}

/* The module may be unloaded: connections end with it. */
__attribute__((destructor)) static void
end(void)
{
	for (unsigned i = 0; i < 2; i++)
		while (kept.pool[i].n > 0)
			curl_easy_cleanup(kept.pool[i].handle[
			    --kept.pool[i].n]);
}

/*--- a transfer -----------------------------------------------------------*/

struct transfer {
	const struct fetch_request *req;
	struct fetch_reply *reply;
	size_t room;			/* of reply->body */
	bool too_large, refused, no_memory;
};

static size_t
on_body(char *data, size_t one, size_t n, void *priv)
{
	struct transfer *t = priv;
	struct fetch_reply *r = t->reply;
	size_t need, room = t->room == 0 ? 4096 : t->room;
	char *grown;

	n *= one;
	if (n > t->req->max_bytes - r->body_len) {
		t->too_large = true;
		return (0);
	}
	need = r->body_len + n + 1;
	while (room < need)
		room *= 2;
	if (room != t->room) {
		grown = realloc(r->body, room);
		if (grown == NULL) {
			t->no_memory = true;
			return (0);
		}
		r->body = grown;
		t->room = room;
	}
	memcpy(r->body + r->body_len, data, n);
	r->body_len += n;
	r->body[r->body_len] = '\0';
	return (n);
}

static void
keep_value(char **to, const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0)
		return;
	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	while (len > n && (unsigned char)line[len - 1] <= ' ')
		len--;
	free(*to);
	*to = strndup(line + n, len - n);
}

static void
forget(struct transfer *t)
{
	free(t->reply->content_type);
	free(t->reply->etag);
	t->reply->content_type = t->reply->etag = NULL;
	t->reply->body_len = 0;
}

/* As it came, and no further than there is room. */
static void
keep_line(struct transfer *t, const char *line, size_t n)
{
	struct fetch_reply *r = t->reply;

	if (t->req->max_headers == 0)
		return;
	if (r->headers == NULL)
		r->headers = malloc(t->req->max_headers + 1);
	if (r->headers == NULL || n > t->req->max_headers - r->headers_len)
		return;
	memcpy(r->headers + r->headers_len, line, n);
	r->headers_len += n;
	r->headers[r->headers_len] = '\0';
}

static size_t
on_header(char *line, size_t one, size_t n, void *priv)
{
	struct transfer *t = priv;

	n *= one;
	/* Of the last answer, not of those that redirected to it. */
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
		forget(t);
	keep_line(t, line, n);
	keep_value(&t->reply->content_type, line, n, "Content-Type:");
	keep_value(&t->reply->etag, line, n, "ETag:");
	return (n);
}

static int
on_progress(void *priv, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = priv;

	(void)a, (void)b, (void)c, (void)d;
	return (t->req->cancel != NULL && atomic_load(t->req->cancel));
}

static curl_socket_t
on_socket(void *priv, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct transfer *t = priv;

	(void)purpose;
	if (addr->family != AF_UNIX && !t->req->allow_private &&
	    !fetch_is_public(&addr->addr)) {
		t->refused = true;
		return (CURL_SOCKET_BAD);
	}
	return (socket(addr->family, addr->socktype | SOCK_CLOEXEC,
	    addr->protocol));
}

/*--- setting it up --------------------------------------------------------*/

static struct curl_slist *
header_list(const struct fetch_request *req)
{
	struct curl_slist *list = NULL, *more;
	char line[512];

	/* No waiting for "100 Continue". */
	list = curl_slist_append(list, "Expect:");
	if (req->etag != NULL && (size_t)snprintf(line, sizeof line,
	    "If-None-Match: %s", req->etag) < sizeof line)
		list = curl_slist_append(list, line);
	for (unsigned i = 0; req->headers != NULL && req->headers[i] != NULL;
	    i++) {
		more = curl_slist_append(list, req->headers[i]);
		if (more != NULL)
			list = more;
	}
	return (list);
}

/*
 * Rounded up: what ends early leaves a caller with time that is none. And
 * libcurl takes 0 for no limit at all.
 */
static long
milliseconds(double s)
{
	return (s < 0 ? 1 : (long)(s * 1000) + 1);
}

static void
set_up(CURL *h, struct transfer *t, struct curl_slist *headers)
{
	const struct fetch_request *req = t->req;

	(void)curl_easy_setopt(h, CURLOPT_URL, req->url);
	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION,
	    req->redirects > 0 ? 1L : 0L);
	(void)curl_easy_setopt(h, CURLOPT_MAXREDIRS, (long)req->redirects);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(h, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFODATA, t);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
	    milliseconds(req->connect_s));
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
	    milliseconds(req->total_s));
	if (req->unix_socket != NULL)
		(void)curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH,
		    req->unix_socket);
	if (req->any_host)
		(void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	/* A proxy would make the connections that are to be looked at. */
	if (!req->allow_private || req->unix_socket != NULL)
		(void)curl_easy_setopt(h, CURLOPT_PROXY, "");
	if (req->body != NULL) {
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)req->body_len);
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, req->body);
	}
	if (req->method != NULL && strcmp(req->method, "HEAD") == 0)
		(void)curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
	else if (req->method != NULL)
		(void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, req->method);
}

/* For messages: without what stands before an @. */
static void
shown_url(const char *url, char *buf, size_t size)
{
	const char *host = strstr(url, "://"), *at, *slash;

	host = host == NULL ? url : host + 3;
	slash = strchr(host, '/');
	at = memrchr(host, '@', slash == NULL ? strlen(host) :
	    (size_t)(slash - host));
	(void)snprintf(buf, size, "%.*s%.150s", (int)(host - url), url,
	    at == NULL ? host : at + 1);
}

static int
failed(const struct transfer *t, CURLcode code, struct tkvm_err *err)
{
	char url[200];

	shown_url(t->req->url, url, sizeof url);
	if (t->too_large)
		return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %s: it is "
		    "larger than %ju bytes", url,
		    (uintmax_t)t->req->max_bytes));
	if (t->refused)
		return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %s: its "
		    "address is private", url));
	if (t->no_memory)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to fetch %s",
		    url));
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %s: it was "
		    "stopped", url));
	return (tkvm_fail(err, TKVM_EFILE, "cannot fetch %s: %s", url,
	    curl_easy_strerror(code)));
}

int
fetch_url(const struct fetch_request *req, struct fetch_reply *reply,
    struct tkvm_err *err)
{
	struct transfer t = {.req = req, .reply = reply};
	struct curl_slist *headers;
	long status = 0;
	CURLcode code;
	CURL *h;

	memset(reply, 0, sizeof *reply);
	h = take_handle(req->allow_private);
	if (h == NULL)
		return (tkvm_fail(err, TKVM_ENOMEM, "no memory to fetch"));
	headers = header_list(req);
	set_up(h, &t, headers);
	code = curl_easy_perform(h);
	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	give_handle(req->allow_private, h);
	curl_slist_free_all(headers);
	reply->status = (int)status;
	if (code == CURLE_OK)
		return (0);
	fetch_reply_free(reply);
	reply->failure = (int)code;
	return (failed(&t, code, err));
}

void
fetch_reply_free(struct fetch_reply *reply)
{
	free(reply->body);
	free(reply->content_type);
	free(reply->etag);
	free(reply->headers);
	memset(reply, 0, sizeof *reply);
}
