/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytecode IN.js OUT: a script as the bytecode of QuickJS, made while building,
 * so that a machine does not read a megabyte of JavaScript when it starts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "quickjs.h"

#define SOURCE_MAX (16u << 20)

static int
fail(const char *what)
{
	fprintf(stderr, "bytecode: %s\n", what);
	return (1);
}

static int
store(const char *path, const uint8_t *data, size_t len)
{
	FILE *to = fopen(path, "wb");
	size_t n;

	if (to == NULL)
		return (fail("the output cannot be opened"));
	n = fwrite(data, 1, len, to);
	if (fclose(to) != 0 || n != len)
		return (fail("the output cannot be written"));
	return (0);
}

int
main(int argc, char **argv)
{
	JSContext *js = JS_NewContext(JS_NewRuntime());
	char *text = malloc(SOURCE_MAX);
	FILE *from;
	JSValue code;
	uint8_t *data;
	size_t len;

	if (argc != 3 || js == NULL || text == NULL)
		return (fail("bytecode IN.js OUT"));
	from = fopen(argv[1], "rb");
	if (from == NULL)
		return (fail("the input cannot be opened"));
	len = fread(text, 1, SOURCE_MAX - 1, from);
	fclose(from);
	text[len] = '\0';
	code = JS_Eval(js, text, len, "terser", JS_EVAL_TYPE_GLOBAL |
	    JS_EVAL_FLAG_COMPILE_ONLY);
	if (JS_IsException(code))
		return (fail(JS_ToCString(js, JS_GetException(js))));
	data = JS_WriteObject(js, &len, code, JS_WRITE_OBJ_BYTECODE);
	if (data == NULL)
		return (fail("not enough memory"));
	return (store(argv[2], data, len));
}
