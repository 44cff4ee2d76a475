/* SPDX-License-Identifier: BSD-2-Clause */
/* References, as far as $id and $ref need them. */
#include <cstdlib>
#include <vector>

#include "schema_priv.h"

namespace {

/* Behind "scheme:"; 0: there is none. */
size_t
scheme_end(const std::string &uri)
{
	size_t i = 0;

	while (i < uri.size() && (isalnum(static_cast<unsigned char>(uri[i])) ||
	    uri[i] == '+' || uri[i] == '-' || uri[i] == '.'))
		i++;
	return (i != 0 && i < uri.size() && uri[i] == ':' ? i + 1 : 0);
}

/* Where the path begins, behind scheme and host. */
size_t
path_begin(const std::string &uri)
{
	size_t at = scheme_end(uri);

	if (uri.compare(at, 2, "//") != 0)
		return (at);
	at = uri.find_first_of("/?#", at + 2);
	return (at != std::string::npos ? at : uri.size());
}

/* A path without "." and "..". */
std::string
without_dots(const std::string &path)
{
	std::vector<std::string> parts;
	std::string all;
	size_t at = 0;

	for (;;) {
		size_t end = path.find('/', at);
		bool last = end == std::string::npos;
		std::string part = path.substr(at, last ? end : end - at);

		if (part == "..") {
			if (parts.size() > 1)
				parts.pop_back();
			part = ".";
		}
		if (part != ".")
			parts.push_back(part);
		else if (last)
			parts.push_back("");
		if (last)
			break;
		at = end + 1;
	}
	for (size_t i = 0; i < parts.size(); i++)
		all += (i != 0 ? "/" : "") + parts[i];
	return (all);
}

}

std::string
uri_resolve(const std::string &base, const std::string &ref)
{
	std::string from = base.substr(0, base.find('#'));
	size_t path = path_begin(from), end;

	if (ref.empty() || scheme_end(ref) != 0)
		return (ref.empty() ? from : ref);
	if (ref[0] == '#')
		return (from + ref);
	if (ref.compare(0, 2, "//") == 0)
		return (from.substr(0, scheme_end(from)) + ref);
	if (ref[0] == '?')
		return (from.substr(0, from.find('?')) + ref);
	if (ref[0] == '/')
		return (from.substr(0, path) + ref);
	from = from.substr(0, from.find('?'));
	end = from.rfind('/');
	if (end == std::string::npos || end < path)
		return (from.substr(0, path) + (path != 0 &&
		    from.find("//") != std::string::npos ? "/" : "") + ref);
	end++;
	path = std::min(path, end);
	size_t tail = std::min(ref.find_first_of("?#"), ref.size());
	return (from.substr(0, path) + without_dots(from.substr(path,
	    end - path) + ref.substr(0, tail)) + ref.substr(tail));
}

std::string
uri_decode(const std::string &text)
{
	std::string to;

	for (size_t i = 0; i < text.size(); i++) {
		if (text[i] == '%' && i + 2 < text.size() &&
		    isxdigit(static_cast<unsigned char>(text[i + 1])) &&
		    isxdigit(static_cast<unsigned char>(text[i + 2]))) {
			to += static_cast<char>(strtol(
			    text.substr(i + 1, 2).c_str(), nullptr, 16));
			i += 2;
		} else {
			to += text[i];
		}
	}
	return (to);
}
