/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * indexed_map.h: nlohmann's map that keeps the order of members, with an index
 * of its own: that one looks through all members for each that is added.
 */
#ifndef INDEXED_MAP_H
#define INDEXED_MAP_H

#include <cstdint>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

template <class Key, class T, class Less, class Allocator>
struct indexed_map : nlohmann::ordered_map<Key, T, Less, Allocator> {
	using base = nlohmann::ordered_map<Key, T, Less, Allocator>;
	using iterator = typename base::iterator;
	using const_iterator = typename base::const_iterator;
	using base::base;

	iterator find(const Key &key)
	    { return (this->begin() + position(key)); }
	const_iterator find(const Key &key) const
	    { return (this->begin() + position(key)); }
	size_t count(const Key &key) const
	    { return (find(key) != this->end() ? 1 : 0); }

	std::pair<iterator, bool> emplace(const Key &key, T &&value)
	{
		iterator at = find(key);

		if (at != this->end())
			return { at, false };
		this->emplace_back(key, std::move(value));
		return { this->end() - 1, true };
	}

	std::pair<iterator, bool> insert(const std::pair<const Key, T> &member)
	    { return (emplace(member.first, T(member.second))); }

	template <class From> void insert(From from, From till)
	{
		for (; from != till; ++from)
			insert(*from);
	}

	T &operator[](const Key &key)
	    { return (emplace(key, T()).first->second); }

	iterator erase(iterator from, iterator till)
	{
		slots.clear();
		return (base::erase(from, till));
	}

	iterator erase(iterator at)
	    { return (erase(at, at + 1)); }

	size_t erase(const Key &key)
	{
		iterator at = find(key);

		if (at == this->end())
			return (0);
		erase(at, at + 1);
		return (1);
	}

	void clear()
	{
		slots.clear();
		base::clear();
	}

	/* Members have no order for those who compare them. */
	friend bool operator==(const indexed_map &a, const indexed_map &b)
	{
		if (a.size() != b.size())
			return (false);
		for (const auto &member : a) {
			auto other = b.find(member.first);

			if (other == b.end() || other->second != member.second)
				return (false);
		}
		return (true);
	}

private:
	/* From this many members on there is an index. */
	static const size_t SMALL = 16;

	/* Positions and 1, at the hash of their key or behind it; 0 is free. */
	mutable std::vector<uint32_t> slots;
	mutable size_t indexed = 0;

	size_t slot(const Key &key) const
	{
		size_t mask = slots.size() - 1;
		size_t at = std::hash<Key>()(key) & mask;

		while (slots[at] != 0 && !((*this).data()[slots[at] - 1].first
		    == key))
			at = (at + 1) & mask;
		return (at);
	}

	/* What has been added since the last time. */
	void index() const
	{
		if (slots.size() < this->size() * 2) {
			size_t size = SMALL * 4;

			while (size < this->size() * 4)
				size *= 2;
			slots.assign(size, 0);
			indexed = 0;
		}
		for (; indexed < this->size(); indexed++)
			slots[slot(this->data()[indexed].first)] =
			    static_cast<uint32_t>(indexed + 1);
	}

	ptrdiff_t position(const Key &key) const
	{
		size_t at = 0;

		if (this->size() >= SMALL) {
			index();
			at = slots[slot(key)];
			return (static_cast<ptrdiff_t>(at != 0 ? at - 1 :
			    this->size()));
		}
		while (at < this->size() && !(this->data()[at].first == key))
			at++;
		return (static_cast<ptrdiff_t>(at));
	}
};

#endif
