/* SPDX-License-Identifier: BSD-2-Clause */
/* JavaScript by terser, which runs in QuickJS. */
#include <stdio.h>
#include <stdlib.h>

#include "minify.h"
#include "quickjs.h"

#define STACK_MAX (6u << 20)

/* Its bytecode; the names are the linker's. */
extern const unsigned char _binary_terser_bytecode_start[];
extern const unsigned char _binary_terser_bytecode_end[];

static JSContext *context;
static JSValue function;

int
js_prepare(void)
{
	JSRuntime *runtime = JS_NewRuntime();
	JSValue code;

	if (runtime == NULL || (context = JS_NewContext(runtime)) == NULL)
		return (-1);
	JS_SetMaxStackSize(runtime, STACK_MAX);
	code = JS_ReadObject(context, _binary_terser_bytecode_start,
	    (size_t)(_binary_terser_bytecode_end -
	    _binary_terser_bytecode_start), JS_READ_OBJ_BYTECODE);
	if (JS_IsException(code) ||
	    JS_IsException(JS_EvalFunction(context, code)))
		return (-1);
	function = JS_GetPropertyStr(context, JS_GetGlobalObject(context),
	    "minify");
	return (JS_IsFunction(context, function) ? 0 : -1);
}

static void
options_json(const struct options *o, char *to, size_t size)
{
	const char *compress = o->level != LEVEL_COMPRESS ? "false" :
	    o->drop_console ? "{\"drop_console\":true}" : "true";

	(void)snprintf(to, size, "{\"compress\":%s,\"mangle\":true,"
	    "\"module\":%s,\"toplevel\":%s,\"format\":{\"comments\":%s}}",
	    compress, o->module ? "true" : "false",
	    o->toplevel ? "true" : "false",
	    o->licenses ? "\"some\"" : "false");
}

int
js_compress(struct job *job, const struct options *o, struct source text,
    struct out *out)
{
	char options[256];
	const char *result;
	JSValue args[2], value;
	size_t len;

	/* In a shell nothing was prepared. */
	if (context == NULL && js_prepare() != 0)
		return (job_fail(job, 500, "terser cannot be started"));
	options_json(o, options, sizeof options);
	args[0] = JS_NewStringLen(context, (const char *)text.in, text.len);
	args[1] = JS_NewString(context, options);
	value = JS_Call(context, function, JS_UNDEFINED, 2, args);
	if (JS_IsException(value)) {
		result = JS_ToCString(context, JS_GetException(context));
		return (job_fail(job, 422, "%.400s", result != NULL ? result :
		    "terser failed"));
	}
	result = JS_ToCStringLen(context, &len, value);
	if (result == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	out->size = out->size > len ? out->size : len;
	out->data = out->size == len ? malloc(len + 1) : out->data;
	if (out->data == NULL)
		return (job_fail(job, 413, "there is not enough memory"));
	out_add(out, (const unsigned char *)result, len);
	JS_FreeCString(context, result);
	JS_FreeValue(context, value);
	JS_FreeValue(context, args[0]);
	JS_FreeValue(context, args[1]);
	return (0);
}
