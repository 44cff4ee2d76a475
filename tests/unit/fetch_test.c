/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes from URLs: servers that behave and servers that do not. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "test.h"

static struct tkvm_err err;
static struct fetch_reply reply;
static char base[64];

/* Start it once; it ends with us. */
static bool
have_server(void)
{
	int in[2], out[2];
	char port[16] = "";

	if (*base != '\0')
		return (true);
	if (pipe(in) != 0 || pipe(out) != 0)
		return (false);
	if (fork() == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execlp("python3", "python3", "tests/lib/http_server.py",
		    (char *)NULL);
		_exit(1);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	if (read(out[0], port, sizeof port - 1) <= 0)
		return (false);
	(void)snprintf(base, sizeof base, "http://127.0.0.1:%d", atoi(port));
	return (true);
}

#define NEED_SERVER() do { \
	if (!have_server()) \
		SKIP("python3 cannot serve on the loopback address"); \
} while (0)

static struct fetch_request
request(const char *path)
{
	static char url[128];

	(void)snprintf(url, sizeof url, "%s%s", base, path);
	return ((struct fetch_request){.url = url, .connect_s = 10,
	    .total_s = 20, .max_bytes = 1 << 20, .allow_private = true,
	    .redirects = 5});
}

static int
get(const struct fetch_request *req)
{
	fetch_reply_free(&reply);
	return (fetch_url(req, &reply, &err));
}

#define GET(path, want) do { \
	struct fetch_request q_ = request(path); \
	if (get(&q_) != 0) \
		TEST_FAIL("%s: %s", path, err.text); \
	CHECK_EQ(reply.status, want); \
} while (0)
#define REFUSED(req, why) do { \
	CHECK_EQ(get(req), TKVM_EFILE); \
	CHECK_HAS(err.text, why); \
	CHECK(reply.body == NULL); \
} while (0)

TEST(an_answer_comes_whole_with_what_matters)
{
	struct fetch_request req;

	NEED_SERVER();
	for (unsigned i = 0; i < 20; i++) {
		GET("/hello", 200);
		CHECK_EQ(reply.body_len, 5);
		CHECK_STR(reply.body, "Hello");
		CHECK_STR(reply.content_type, "text/plain");
		CHECK_STR(reply.etag, "\"1\"");
	}
	GET("/status/404", 404);
	GET("/status/500", 500);
	GET("/there", 200);
	CHECK_STR(reply.body, "Hello");
	CHECK_STR(reply.content_type, "text/plain");
	req = request("/x");
	req.body = "a body";
	req.body_len = 6;
	CHECK_EQ(get(&req), 0);
	CHECK_STR(reply.body, "got a body");
}

TEST(headers_are_sent)
{
	const char *const lines[] = {"X-One: 1", "X-Two: 2", NULL};
	struct fetch_request req;

	NEED_SERVER();
	req = request("/headers");
	req.headers = lines;
	CHECK_EQ(get(&req), 0);
	CHECK_HAS(reply.body, "X-One: 1");
	CHECK_HAS(reply.body, "X-Two: 2");
	req = request("/etag");
	CHECK_EQ(get(&req), 0);
	CHECK_EQ(reply.status, 200);
	req.etag = "\"1\"";
	CHECK_EQ(get(&req), 0);
	CHECK_EQ(reply.status, 304);
	CHECK_EQ(reply.body_len, 0);
}

TEST(limits_of_time_and_size_hold)
{
	struct fetch_request req;

	NEED_SERVER();
	req = request("/slow");
	req.total_s = 0.3;
	REFUSED(&req, "Timeout");
	/* No time left is no time, not all the time there is. */
	req = request("/slow");
	req.total_s = 0;
	REFUSED(&req, "Timeout");
	req = request("/drip");
	req.total_s = 0.3;
	REFUSED(&req, "Timeout");
	req = request("/endless");
	REFUSED(&req, "larger than 1048576 bytes");
	req = request("/hello");
	req.max_bytes = 4;
	REFUSED(&req, "larger than 4 bytes");
	req.max_bytes = 5;
	CHECK_EQ(get(&req), 0);
	req = request("/short");
	REFUSED(&req, "cannot fetch");
}

TEST(redirects_are_bounded_and_stay_http)
{
	struct fetch_request req;

	NEED_SERVER();
	req = request("/loop");
	REFUSED(&req, "redirects");
	req = request("/file");
	REFUSED(&req, "cannot fetch");
	req.url = "file:///etc/passwd";
	REFUSED(&req, "cannot fetch file:///etc/passwd");
	req.url = "http://user:secret@127.0.0.1:1/x";
	REFUSED(&req, "cannot fetch http://127.0.0.1:1/x: ");
	CHECK(strstr(err.text, "secret") == NULL);
}

TEST(private_addresses_only_when_allowed)
{
	struct fetch_request req;

	NEED_SERVER();
	req = request("/hello");
	req.allow_private = false;
	REFUSED(&req, "its address is private");
	req.url = "http://localhost:1/";
	CHECK_EQ(get(&req), TKVM_EFILE);
	req.url = "http://[::1]:1/";
	REFUSED(&req, "its address is private");
	req.url = "http://[::ffff:127.0.0.1]:1/";
	REFUSED(&req, "its address is private");
	req.url = "http://2130706433:1/";
	REFUSED(&req, "its address is private");
}

TEST(an_address_is_public_or_it_is_not)
{
	static const struct {
		const char *text;
		bool public;
	} known[] = {
		{"8.8.8.8", true}, {"1.0.0.0", true}, {"0.1.2.3", false},
		{"10.255.0.1", false}, {"100.63.255.255", true},
		{"100.64.0.1", false}, {"100.128.0.0", true},
		{"127.9.9.9", false}, {"169.254.169.254", false},
		{"172.15.0.1", true}, {"172.16.0.1", false},
		{"172.31.255.255", false}, {"172.32.0.0", true},
		{"192.168.1.1", false}, {"198.18.0.1", false},
		{"224.0.0.1", false}, {"255.255.255.255", false},
		{"::", false}, {"::1", false}, {"fe80::1", false},
		{"fc00::1", false}, {"fd12::1", false}, {"ff02::1", false},
		{"2001:4860:4860::8888", true}, {"2001::1", false},
		{"2001:db8::1", false}, {"::ffff:10.0.0.1", false},
		{"::ffff:8.8.8.8", true}, {"64:ff9b::7f00:1", false},
		{"64:ff9b::808:808", true}, {"2002:7f00:1::", false},
		{"2002:a00:1::", false}, {"2002:808:808::", true},
	};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	bool is;

	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (inet_pton(AF_INET, known[i].text, &in4.sin_addr) == 1) {
			is = fetch_is_public((struct sockaddr *)&in4);
		} else {
			CHECK_EQ(inet_pton(AF_INET6, known[i].text,
			    &in6.sin6_addr), 1);
			is = fetch_is_public((struct sockaddr *)&in6);
		}
		if (is != known[i].public)
			TEST_FAIL("%s is %s", known[i].text, is ? "public" :
			    "not public");
	}
}

static void *
stop_soon(void *arg)
{
	usleep(100000);
	atomic_store((_Atomic bool *)arg, true);
	return (NULL);
}

TEST(a_transfer_can_be_stopped)
{
	static _Atomic bool cancel;
	struct fetch_request req;
	pthread_t thread;

	NEED_SERVER();
	req = request("/slow");
	req.cancel = &cancel;
	CHECK_EQ(pthread_create(&thread, NULL, stop_soon, &cancel), 0);
	REFUSED(&req, "it was stopped");
	(void)pthread_join(thread, NULL);
}

/*--- what was fetched -----------------------------------------------------*/

TEST(a_sum_tells_what_is_right)
{
	/* FIPS 180-2, appendix B.1 */
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad";

	CHECK_EQ(fetch_verify("abc", 3, abc, "it", &err), 0);
	CHECK_EQ(fetch_verify("abd", 3, abc, "it", &err), TKVM_EFILE);
	CHECK_HAS(err.text, "it has the SHA-256 ");
	CHECK_EQ(fetch_verify("", 0, abc, "it", &err), TKVM_EFILE);
}

TEST(a_signature_is_by_the_key_s_owner_or_not)
{
	/* RFC 8032, 7.1, test 2. */
	static const char key[] = "3d4017c3e843895a92b70aa74d1b7ebc"
	    "9c982ccf2ec4968cc0cd55f12af4660c";
	static const unsigned char good[64] = {
	    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82,
	    0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50,
	    0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08,
	    0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13,
	    0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a,
	    0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};
	unsigned char bad[64];

	CHECK_EQ(fetch_verify_signature("r", 1, good, 64, key, "it", &err), 0);
	CHECK_EQ(fetch_verify_signature("s", 1, good, 64, key, "it", &err),
	    TKVM_EFILE);
	CHECK_HAS(err.text, "it.sig is not its signature");
	CHECK_EQ(fetch_verify_signature("r", 1, good, 63, key, "it", &err),
	    TKVM_EFILE);
	CHECK_EQ(fetch_verify_signature("r", 1, NULL, 0, key, "it", &err),
	    TKVM_EFILE);
	CHECK_EQ(fetch_verify_signature("r", 1, good, 64, key + 1, "it", &err),
	    TKVM_EFILE);
	for (unsigned i = 0; i < 64; i += 9) {
		memcpy(bad, good, sizeof bad);
		bad[i] ^= 1;
		CHECK_EQ(fetch_verify_signature("r", 1, bad, 64, key, "it",
		    &err), TKVM_EFILE);
	}
}

/* The output of a shell command as bytes. */
static char *
output_of(const char *command, size_t *len)
{
	static char buf[1 << 20];
	FILE *f = popen(command, "r");
	char *data;

	*len = f == NULL ? 0 : fread(buf, 1, sizeof buf, f);
	if (f == NULL || pclose(f) != 0)
		*len = 0;
	data = malloc(*len + 1);
	memcpy(data, buf, *len);
	return (data);
}

static int
unpack(const char *command, char **data, size_t *len)
{
	char line[600];

	struct fetch_program p;
	int r;

	free(*data);
	(void)snprintf(line, sizeof line, "d=$(mktemp -d) && cd $d && "
	    "printf '\\177ELFprogram' >p && "
	    "printf '\\177ELFstored' >p_storage && printf x >bad_storage && "
	    "printf other >q && : >empty && mkdir dir && { %s; }; r=$?; "
	    "rm -rf $d; exit $r", command);
	memset(&p, 0, sizeof p);
	p.data = output_of(line, &p.len);
	r = fetch_unpack(&p, 1000000, "archive", &err);
	*data = p.data;
	*len = p.len;
	free(p.storage);
	return (r);
}

TEST(a_program_is_found_in_archives_and_compressed_files)
{
	static const char *const good[] = {
		"cat p", "tar -c p", "tar -cz p", "tar -cJ p_storage p",
		"tar -c dir empty p", "gzip -c p", "xz -c p", "bzip2 -c p",
		"tar -c ./p p_storage",
	};
	char *data = NULL;
	size_t len;

	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (unpack(good[i], &data, &len) != 0)
			TEST_FAIL("%s: %s", good[i], err.text);
		CHECK_EQ(len, 11);
		CHECK(memcmp(data, "\177ELFprogram", 11) == 0);
	}
	free(data);
}

TEST(bad_archives_are_refused)
{
	static const struct {
		const char *command, *why;
	} bad[] = {
		{"tar -c p q", "two programs"},
		{"tar -c p_storage", "no program"},
		{"tar -c p bad_storage", "storage program"},
		{"cp p_storage 2storage; tar -c p p_storage 2storage",
		    "two storage programs"},
		{"tar -c q", "nor an archive with one"},
		{"cat q", "nor an archive with one"},
		{"cat empty", "neither a program nor an archive"},
		{"tar -c empty dir", "no program"},
		{"tar -c p | head -c 520", "cannot unpack"},
		{"gzip -c p | head -c 15", "truncated"},
		{"yes | head -c 2000000 | gzip -c", "more than 1000000"},
		{"head -c 1500000 /dev/zero >storage; tar -cz p storage",
		    "more than 1000000"},
		{"for i in $(seq 120); do : >e$i; done; tar -c e*",
		    "more than 100 members"},
	};
	char *data = NULL;
	size_t len;

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (unpack(bad[i].command, &data, &len) == 0)
			TEST_FAIL("%s is taken", bad[i].command);
		CHECK_HAS(err.text, bad[i].why);
	}
	free(data);
}

TEST_MAIN()
