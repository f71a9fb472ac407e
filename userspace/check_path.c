// SPDX-License-Identifier: GPL-2.0-only
/* Steps of "check" from the port to the wire: who forwards its frames, and the VF. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "check.h"

static const char *name_of(const struct check *c)
{
	return rec_word(c->port, "name");
}

static const struct rec *find_port(const struct view *v, const char *name)
{
	const struct rec *port = list_find(&v->ports, "name", name);

	return port ? port : list_find(&v->uplinks, "name", name);
}

/* --- flows ----------------------------------------------------------------------------------- */

static bool flow_is_from(const struct rec *f, const char *port)
{
	return !rec_has(f, "in") || !strcmp(rec_word(f, "in"), port);
}

/* Whether there is such an action; the first is all that is looked for. */
static bool flow_does(const struct rec *f, const char *action)
{
	const struct value *acts = rec_value(f, "actions");
	const struct field *field = &f->obj->fields[rec_field(f->obj, "actions")];
	size_t len = strlen(action);
	char text[TEXT_MAX];
	unsigned int i;

	for (i = 0; i < acts->nr; i++) {
		field->codec->format(&acts->item[i], text, sizeof(text));
		if (action[len - 1] == ':' ? !strncmp(text, action, len) : !strcmp(text, action))
			return true;
	}
	return false;
}

/* Does it ask nothing of a frame but where it came from? */
static bool flow_takes_all(const struct rec *f)
{
	unsigned int i;

	for (i = 0; i < f->obj->nr_fields; i++) {
		if (f->obj->fields[i].flags & F_MATCH && f->has & FIELD(i) &&
		    strcmp(f->obj->fields[i].name, "in"))
			return false;
	}
	return true;
}

/* The rule that is looked at last of what the port sends, as it takes all; NULL: there is none. */
static const struct rec *flow_last(const struct check *c)
{
	const struct list *l = &c->view->flows;
	const struct rec *last = NULL;
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const struct rec *f = l->v[i];

		if (flow_is_from(f, name_of(c)) && flow_takes_all(f) &&
		    (!last || rec_value(f, "prio")->n > rec_value(last, "prio")->n))
			last = f;
	}
	return last;
}

static bool flow_sends(const struct rec *f)
{
	return flow_does(f, "output:") || flow_does(f, "slow");
}

/* Does any flow send on what comes from the port? */
static bool flows_from(const struct check *c)
{
	const struct list *l = &c->view->flows;
	const struct rec *last = flow_last(c);
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const struct rec *f = l->v[i];

		if (flow_is_from(f, name_of(c)) && flow_sends(f) && !rec_has(f, "inactive") &&
		    (!last || rec_value(f, "prio")->n >= rec_value(last, "prio")->n))
			return true;
	}
	return false;
}

static bool flows_to(const struct check *c)
{
	const struct list *l = &c->view->flows;
	char output[IFNAMSIZ + 16];
	size_t i;

	snprintf(output, sizeof(output), "output:%s", name_of(c));
	for (i = 0; i < l->nr; i++) {
		if (flow_does(l->v[i], output) && !rec_has(l->v[i], "inactive") &&
		    strcmp(rec_word(l->v[i], "in"), name_of(c)))
			return true;
	}
	return false;
}

/* Rules that stop what the guest sends. True: that was said. */
static bool flows_stop(struct check *c)
{
	const struct list *l = &c->view->flows;
	const struct rec *last = flow_last(c);
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const struct rec *f = l->v[i];

		if (!rec_has(f, "inactive") || !flow_is_from(f, name_of(c)))
			continue;
		check_say(c, WRONG, "way", check_type("sluice flow del id %s", rec_text(f, "id")),
			  "flow %s sends to a port that is gone: what it takes is dropped",
			  rec_text(f, "id"));
		return true;
	}
	if (!last || flow_sends(last) || !flow_does(last, "drop") || flows_from(c))
		return false;
	check_say(c, WRONG, "way", check_type("sluice flow del id %s", rec_text(last, "id")),
		  "flow %s drops all that it sends", rec_text(last, "id"));
	return true;
}

/* --- the way --------------------------------------------------------------------------------- */

/* An uplink that no wire has; "" if there is none, or several. */
static void free_uplink(const struct check *c, char *name, size_t size)
{
	const struct list *l = &c->view->uplinks;
	unsigned int found = 0;
	size_t i;

	*name = '\0';
	for (i = 0; i < l->nr; i++) {
		if (rec_has(l->v[i], "wire"))
			continue;
		snprintf(name, size, "%s", rec_word(l->v[i], "name"));
		found++;
	}
	if (found != 1)
		*name = '\0';
}

static void no_way_say(struct check *c)
{
	char uplink[IFNAMSIZ + 1], bridge[IFNAMSIZ + 1];
	const char *next;

	free_uplink(c, uplink, sizeof(uplink));
	if (c->uplink)
		next = check_type("sluice wire add PORT %s", name_of(c));
	else if (*uplink)
		next = check_type("sluice wire add %s %s", name_of(c), uplink);
	else if (host_bridge(bridge, sizeof(bridge)))
		next = check_type("ip link set %s master %s", name_of(c), bridge);
	else
		next = check_type("sluice uplink add up0 dev VF && sluice wire add %s up0",
				  name_of(c));
	check_say(c, WRONG, "way", next,
		  "nothing takes its frames on: no wire, no flow, and nobody behind its netdev");
}

/* What the other end of a wire is like. An uplink's VF is looked at by itself. */
static void peer_check(struct check *c, const struct rec *peer)
{
	const char *name = rec_word(peer, "name");

	if (rec_has(peer, "down"))
		check_say(c, WRONG, "way", check_type("ip link set %s up", name),
			  "%s, at the other end of its wire, is down", name);
	else if (rec_has(peer, "quarantine"))
		check_say(c, WRONG, "way", check_type("sluice port release %s", name),
			  "%s, at the other end of its wire, is held", name);
	else
		check_say(c, FINE, "way", "", "a wire to %s, both ways", name);
	if (peer->obj == &object_uplink)
		check_vf(c, peer);
}

/* The uplinks that flows send to. */
static void flow_uplinks_check(struct check *c)
{
	const struct list *l = &c->view->uplinks;
	char output[IFNAMSIZ + 16];
	size_t i, k;

	for (i = 0; i < l->nr; i++) {
		snprintf(output, sizeof(output), "output:%s", rec_word(l->v[i], "name"));
		for (k = 0; k < c->view->flows.nr; k++) {
			const struct rec *f = c->view->flows.v[k];

			if (!flow_is_from(f, name_of(c)) || !flow_does(f, output))
				continue;
			check_vf(c, l->v[i]);
			break;
		}
	}
}

static void one_way_say(struct check *c, bool from)
{
	if (from)
		check_say(c, WRONG, "way",
			  check_type("sluice flow add prio 1 in UPLINK actions output:%s",
				     name_of(c)),
			  "flows take what it sends, but none sends anything to it");
	else
		check_say(c, WRONG, "way",
			  check_type("sluice flow add prio 1 in %s actions output:UPLINK",
				     name_of(c)),
			  "flows send to it, but nothing takes what it sends");
}

static void netdev_or_flows_check(struct check *c)
{
	bool from = flows_from(c), to = flows_to(c);
	char who[128];
	bool taken = host_takes(name_of(c), who, sizeof(who));

	if (taken)
		check_say(c, FINE, "way", "", "%s%s", from || to ? "flows, and " : "", who);
	else if (from && to)
		check_say(c, FINE, "way", "", "flows, both ways");
	else if (from || to)
		one_way_say(c, from);
	else
		no_way_say(c);
	flow_uplinks_check(c);
}

void check_way(struct check *c)
{
	const struct rec *peer = NULL;

	if (rec_has(c->port, "wire"))
		peer = find_port(c->view, rec_word(c->port, "wire"));
	if (flows_stop(c))
		return;
	if (peer)
		peer_check(c, peer);
	else
		netdev_or_flows_check(c);
}

/* --- the VF ---------------------------------------------------------------------------------- */

/* What the PF has to be told so that the VF takes it. */
static const char *trust_type(const char *dev)
{
	char pf[IFNAMSIZ + 1];
	unsigned int nr;

	if (host_vf(dev, pf, sizeof(pf), &nr))
		return check_type("ip link set %s vf %u trust on spoofchk off", pf, nr);
	return check_type("ip link set PF vf N trust on spoofchk off");
}

static void vf_filters_say(struct check *c, const struct rec *uplink)
{
	const char *name = rec_word(uplink, "name"), *dev = rec_word(uplink, "dev");

	if (rec_has(uplink, "refused-mac"))
		check_say(c, WRONG, "uplink", trust_type(dev),
			  "%s refuses addresses behind %s: see 'sluice uplink show %s'", dev, name,
			  name);
	else if (rec_has(uplink, "refused-vlan"))
		check_say(c, WRONG, "uplink", trust_type(dev),
			  "%s refuses VLANs behind %s: see 'sluice uplink show %s'", dev, name,
			  name);
	else
		check_say(c, FINE, "uplink", "", "%s, below %s, is up", dev, name);
}

static void vf_link_say(struct check *c, const struct rec *uplink)
{
	const char *name = rec_word(uplink, "name"), *dev = rec_word(uplink, "dev");
	bool up, carrier;

	if (!host_netdev(dev, &up, &carrier))
		check_say(c, REMARK, "uplink", "", "the host does not show %s", dev);
	else if (!up)
		check_say(c, WRONG, "uplink", check_type("ip link set %s up", dev),
			  "%s, below %s, is down", dev, name);
	else if (!carrier)
		check_say(c, WRONG, "uplink", check_type("ethtool %s", dev),
			  "%s, below %s, has no carrier: the cable, the switch, or the PF", dev,
			  name);
	else
		vf_filters_say(c, uplink);
}

static void vf_lost_say(struct check *c, const struct rec *uplink)
{
	const char *name = rec_word(uplink, "name"), *dev = rec_word(uplink, "waits-for");
	bool up, carrier, there = host_netdev(dev, &up, &carrier);

	check_say(c, WRONG, "uplink", check_type("sluice uplink set %s dev %s", name, dev),
		  there ? "%s waits for its VF, and %s is there" :
			  "%s has no VF: %s is not there, and comes by 'ip link' once it is plugged in",
		  name, dev);
}

void check_vf(struct check *c, const struct rec *uplink)
{
	const char *name = rec_word(uplink, "name");

	if (!rec_has(uplink, "dev")) {
		vf_lost_say(c, uplink);
	} else if (rec_has(uplink, "quarantine")) {
		check_say(c, WRONG, "uplink", check_type("sluice port release %s", name),
			  "%s is held", name);
	} else {
		vf_link_say(c, uplink);
	}
}
