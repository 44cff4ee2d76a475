/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * push: replace a program on many nodes at once, by the live update that the
 * VCL of each offers.
 */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

#define NODES_MAX 256
#define KEY_MAX 1024
#define ANSWER_MAX 4096		/* bytes kept of what a node says */
#define CONNECT_S 10
#define TIMEOUT_S 60
#define UPDATED 201
/* What live_update() says, in JSON or, in other versions, as text. */
#define SUCCESS "Update successful"

static const char usage[] =
    "usage: tinykvm push PROGRAM --to URL... [--key-file FILE | --key KEY]\n"
    "           [--key-header NAME] [--timeout SECONDS]\n"
    "\n"
    "Sends the executable PROGRAM to each URL, all at once. Behind a URL is\n"
    "a Varnish whose VCL calls tinykvm.live_update(). One line per node tells\n"
    "its status and what it answered. The exit status is 1 unless all nodes\n"
    "run the program now.\n"
    "The key is that of the program's settings. It comes from FILE (- is\n"
    "standard input), or from the environment variable TINYKVM_KEY, or from\n"
    "--key, where other users of this computer can see it; it is sent in the\n"
    "header X-Update-Key or NAME. A node has 60 SECONDS.\n";

struct options {
	const char *program, *key, *key_file, *header;
	const char *to[NODES_MAX];
	unsigned nodes;
	long timeout_s;
};

struct node {
	CURL *curl;
	char *shown;		/* its URL without user and password */
	char answer[ANSWER_MAX + 1];
	size_t len;
};

struct push {
	CURLM *multi;
	struct curl_slist *headers;
	struct node *node;
	char *body;
	size_t size;
	unsigned nodes, failed;
};

/*--- the key --------------------------------------------------------------*/

/* malloc'ed; NULL: complained. */
static char *
find_key(const struct options *o, size_t *len)
{
	char *copy;

	if (o->key_file != NULL) {
		copy = read_input(o->key_file, len);
		/* The newline that ends a file. */
		if (copy != NULL && *len > 0 && copy[*len - 1] == '\n')
			copy[--*len] = '\0';
		return (copy);
	}
	copy = strdup(o->key);
	*len = strlen(o->key);
	if (copy == NULL)
		complain(1, "no memory");
	return (copy);
}

static int
check_key(const char *key, size_t len)
{
	if (len == 0 || len > KEY_MAX)
		return (complain(1, "a key has 1 to %d characters", KEY_MAX));
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)key[i]))
			return (complain(1, "the key has a line break or "
			    "another control character in it"));
	return (0);
}

static bool
is_token(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return (n != 0 && name[n] == '\0');
}

static int
add_headers(struct push *p, const struct options *o)
{
	size_t len;
	char *key = find_key(o, &len), *line = NULL;
	struct curl_slist *more;
	/* A server that refuses may say so before it gets the program. */
	const char *const others[] = {
		"Content-Type: application/octet-stream",
		"Expect: 100-continue",
	};

	if (key == NULL || check_key(key, len) != 0) {
		free(key);
		return (1);
	}
	if (asprintf(&line, "%s: %s", o->header, key) < 0)
		line = NULL;
	free(key);
	p->headers = line == NULL ? NULL : curl_slist_append(NULL, line);
	free(line);
	for (unsigned i = 0; i < 2 && p->headers != NULL; i++) {
		more = curl_slist_append(p->headers, others[i]);
		if (more == NULL)
			return (complain(1, "no memory"));
		p->headers = more;
	}
	return (p->headers != NULL ? 0 : complain(1, "no memory"));
}

/*--- nodes ----------------------------------------------------------------*/

static size_t
on_body(char *data, size_t one, size_t len, void *priv)
{
	struct node *node = priv;
	size_t n = len < ANSWER_MAX - node->len ? len : ANSWER_MAX - node->len;

	(void)one;
	memcpy(node->answer + node->len, data, n);
	node->len += n;
	return (len);
}

/* The URL as it may be shown, or NULL: complained. */
static char *
check_url(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *text = NULL, *shown = NULL;
	bool good;

	good = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
	    && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	    curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK;
	if (good)
		shown = strdup(text);
	else
		complain(2, "\"%s\" is no http or https URL of a node", url);
	curl_free(text);
	curl_free(scheme);
	curl_url_cleanup(u);
	return (shown);
}

static int
add_node(struct push *p, const char *url, long timeout_s)
{
	struct node *node = &p->node[p->nodes];

	node->shown = check_url(url);
	if (node->shown == NULL)
		return (2);
	node->curl = curl_easy_init();
	p->nodes++;
	if (node->curl == NULL)
		return (complain(1, "no memory"));
	(void)curl_easy_setopt(node->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(node->curl, CURLOPT_PRIVATE, node);
	(void)curl_easy_setopt(node->curl, CURLOPT_HTTPHEADER, p->headers);
	(void)curl_easy_setopt(node->curl, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(node->curl, CURLOPT_POSTFIELDS, p->body);
	(void)curl_easy_setopt(node->curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)p->size);
	(void)curl_easy_setopt(node->curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(node->curl, CURLOPT_WRITEDATA, node);
	/* Neither a proxy nor a redirect shall see the key. */
	(void)curl_easy_setopt(node->curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(node->curl, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(node->curl, CURLOPT_CONNECTTIMEOUT,
	    timeout_s < CONNECT_S ? timeout_s : (long)CONNECT_S);
	(void)curl_easy_setopt(node->curl, CURLOPT_TIMEOUT, timeout_s);
	return (curl_multi_add_handle(p->multi, node->curl) == CURLM_OK ? 0 :
	    complain(1, "no memory"));
}

/*
 * The answer as one line of printable ASCII: what a node sends shall not move
 * the terminal's cursor. Varnish's own error pages are left out.
 */
static const char *
one_line(struct node *node)
{
	const char *type = NULL;
	char *to = node->answer;

	(void)curl_easy_getinfo(node->curl, CURLINFO_CONTENT_TYPE, &type);
	if (type != NULL && strncasecmp(type, "text/html", 9) == 0)
		return ("(is the key right, and live_update() behind this "
		    "URL? its log tells)");
	for (size_t i = 0; i < node->len; i++) {
		unsigned char c = (unsigned char)node->answer[i];

		if (c > ' ' && c < 0x7f)
			*to++ = (char)c;
		else if (to > node->answer && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
	return (node->answer);
}

static void
report(struct push *p, const CURLMsg *msg)
{
	struct node *node = NULL;
	const char *text;
	long status = 0;
	bool good;

	(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &node);
	(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE,
	    &status);
	text = one_line(node);
	good = msg->data.result == CURLE_OK && status == UPDATED &&
	    strstr(node->answer, SUCCESS) != NULL;
	if (msg->data.result != CURLE_OK)
		printf("%s failed %s\n", node->shown,
		    curl_easy_strerror(msg->data.result));
	else
		printf("%s %ld %s\n", node->shown, status, text);
	fflush(stdout);
	p->failed += good ? 0 : 1;
}

static int
run(struct push *p)
{
	const CURLMsg *msg;
	int running = 1, left;

	while (running > 0) {
		if (curl_multi_perform(p->multi, &running) != CURLM_OK)
			return (complain(1, "libcurl failed"));
		while ((msg = curl_multi_info_read(p->multi, &left)) != NULL)
			if (msg->msg == CURLMSG_DONE)
				report(p, msg);
		if (running > 0)
			(void)curl_multi_poll(p->multi, NULL, 0, 1000, NULL);
	}
	if (p->failed == 0)
		return (0);
	return (complain(1, "%u of %u nodes did not take the program",
	    p->failed, p->nodes));
}

static int
push(const struct options *o)
{
	struct push p = {.nodes = 0};
	int status;

	status = add_headers(&p, o);
	if (status == 0 && (p.body = read_input(o->program, &p.size)) == NULL)
		status = 1;
	if (status == 0 && p.size == 0)
		status = complain(1, "%s is empty or no file", o->program);
	if (status == 0 && ((p.multi = curl_multi_init()) == NULL ||
	    (p.node = calloc(o->nodes, sizeof *p.node)) == NULL))
		status = complain(1, "no memory");
	for (unsigned i = 0; i < o->nodes && status == 0; i++)
		status = add_node(&p, o->to[i], o->timeout_s);
	if (status == 0)
		status = run(&p);
	for (unsigned i = 0; i < p.nodes; i++) {
		(void)curl_multi_remove_handle(p.multi, p.node[i].curl);
		curl_easy_cleanup(p.node[i].curl);
		free(p.node[i].shown);
	}
	(void)curl_multi_cleanup(p.multi);
	curl_slist_free_all(p.headers);
	free(p.node);
	free(p.body);
	return (status);
}

/*--- the command line -----------------------------------------------------*/

static int
add_url(struct options *o, const char *url)
{
	if (o->nodes == NODES_MAX)
		return (complain(2, "at most %d nodes at once", NODES_MAX));
	o->to[o->nodes++] = url;
	return (0);
}

static int
set_timeout(struct options *o, const char *text)
{
	char *end;

	errno = 0;
	o->timeout_s = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && o->timeout_s > 0 &&
	    o->timeout_s <= 86400)
		return (0);
	return (complain(2, "--timeout takes 1 to 86400 seconds, not \"%s\"",
	    text));
}

/* 0; -1: help was printed; or the exit status. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"to", required_argument, NULL, 't'},
		{"key", required_argument, NULL, 'k'},
		{"key-file", required_argument, NULL, 'f'},
		{"key-header", required_argument, NULL, 'H'},
		{"timeout", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, status = 0;

	while (status == 0 &&
	    (c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 't': status = add_url(o, optarg); break;
		case 'k': o->key = optarg; break;
		case 'f': o->key_file = optarg; break;
		case 'H': o->header = optarg; break;
		case 's': status = set_timeout(o, optarg); break;
		case 'h':
			fputs(usage, stdout);
			return (-1);
		default:
			return (complain(2, "tinykvm push --help tells how"));
		}
	}
	return (status);
}

static int
parse(struct options *o, int argc, char **argv)
{
	int status = parse_options(o, argc, argv);

	/* Behind the program: what follows the first URL of --to A B C. */
	if (status == 0 && optind < argc)
		o->program = argv[optind++];
	while (status == 0 && optind < argc)
		status = add_url(o, argv[optind++]);
	if (status != 0)
		return (status);
	if (o->program == NULL || o->nodes == 0)
		return (complain(2, "name a program and --to its nodes; "
		    "tinykvm push --help tells how"));
	if (o->key != NULL && o->key_file != NULL)
		return (complain(2, "--key or --key-file, not both"));
	if (o->key == NULL)
		o->key = getenv("TINYKVM_KEY");
	if (o->key == NULL && o->key_file == NULL)
		return (complain(2, "there is no key: use --key-file FILE, or "
		    "the environment variable TINYKVM_KEY"));
	if (!is_token(o->header))
		return (complain(2, "\"%s\" is no name of a header",
		    o->header));
	return (0);
}

int
cmd_push(int argc, char **argv)
{
	struct options o = {.header = "X-Update-Key", .timeout_s = TIMEOUT_S};
	int status = parse(&o, argc, argv);

	if (status != 0)
		return (status < 0 ? 0 : status);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return (complain(1, "libcurl does not start"));
	status = push(&o);
	curl_global_cleanup();
	return (status);
}
