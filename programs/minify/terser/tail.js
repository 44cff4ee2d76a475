// SPDX-License-Identifier: BSD-2-Clause
/* What terser.c calls: the text, and options as JSON; text, or an exception. */
globalThis.minify = function (text, options) {
	try {
		return Terser.minify_sync(text, JSON.parse(options)).code;
	} catch (e) {
		if (e.line === undefined)
			throw e;
		throw new Error("line " + e.line + ", column " + e.col +
		    ": " + e.message);
	}
};
