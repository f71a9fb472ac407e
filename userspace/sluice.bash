# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion for sluice(8): words come from the tool's own help, names from the kernel.

_sluice_nouns() { sluice help 2>/dev/null | awk '$1 == "sluice" { print $2 }' | sort -u; }
_sluice_verbs() { sluice "$1" help 2>/dev/null | awk -v n="$1" '$1 == "sluice" && $2 == n { print $3 }'; }
_sluice_usage() { sluice "$1" "$2" help 2>/dev/null | awk -v v="$2" '$1 == "sluice" && $3 == v'; }
_sluice_names() {
	local kind
	for kind in "$@"; do
		sluice "$kind" show 2>/dev/null | awk -F: '/^[^ ]+:/ { print $1 }'
	done
}
_sluice_ids() { sluice "$1" show 2>/dev/null | awk '{ print $3 }'; }

# What may stand behind a word, of a noun and a verb; nothing if it takes no known values.
_sluice_values() {
	case $1 in
	port) _sluice_names port ;;
	volume) _sluice_names volume ;;
	group) _sluice_names volume-group && echo none ;;
	in) _sluice_names port uplink ;;
	dev)
		if [ "$2" = volume ]; then
			find /sys/class/block -mindepth 1 -maxdepth 1 -printf '/dev/%f\n'
		else
			find /sys/class/net -mindepth 1 -maxdepth 1 -printf '%f\n'
		fi
		;;
	key) awk '$8 ~ /^(logon|user|encrypted|trusted)$/ { sub(/: [0-9]+.*$/, ""); print $8 ":" $9 }' /proc/keys ;;
	keyring) printf '%s\n' session user ;;
	rekey-pause | wipe-pause) printf '%s\n' on off ;;
	wipe)
		printf '%s\n' zero discard secure-erase
		[ "$3" != del ] || printf '%s\n' key none
		;;
	record | journal) find /sys/class/block -mindepth 1 -maxdepth 1 -printf '/dev/%f\n' ;;
	block-size | sector-size) printf '%s\n' 512 4096 ;;
	dir) printf '%s\n' from-guest to-guest ;;
	mode)
		if [ "$2" = volume ]; then
			printf '%s\n' monitor enforce
		else
			printf '%s\n' adaptive poll
		fi
		;;
	control) printf '%s\n' none stp lldp lacp eapol other ;;
	role) printf '%s\n' dhcp-server ra bridge qinq source-route ;;
	option) printf '%s\n' any source-route rh0 home-address ;;
	proto) printf '%s\n' tcp udp sctp icmp icmpv6 ;;
	eth-type) printf '%s\n' ipv4 ipv6 arp ;;
	frag) printf '%s\n' no any first later not-later ;;
	cpu) seq 0 $(($(nproc) - 1)) ;;
	netns) find /run/netns -mindepth 1 -printf '%f\n' 2>/dev/null ;;
	id) _sluice_ids "$2" ;;
	actions) printf '%s\n' drop slow output: push-vlan: pop-vlan set-vlan: set-eth-src: set-eth-dst: \
		set-src: set-dst: set-ttl: set-dscp: set-sport: set-dport: meter: ;;
	*) return 1 ;;
	esac
}

_sluice() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=() word found=''

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* ]] || words+=("$word")
	done
	case ${#words[@]} in
	0) found="$(_sluice_nouns) apply diff help" ;;
	*)
		case ${words[0]} in
		apply | diff)
			if [[ $prev == --on ]]; then
				mapfile -t COMPREPLY < <(compgen -W "$(_sluice_values dev volume) $(_sluice_values dev uplink)" -- "$cur")
				return
			fi
			if [[ $cur == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W '-f -n --force --dry-run --each --on' -- "$cur")
				return
			fi
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		stats) found=$(_sluice_names port uplink) ;;
		check) found="$(_sluice_names port uplink) interval" ;;
		top)
			[ "$prev" != port ] || found=$(_sluice_names port uplink)
			found=${found:-"$(_sluice_names volume) port count interval"}
			;;
		help)
			case ${#words[@]} in
			1) found=$(_sluice_nouns) ;;
			2) found=$(_sluice_verbs "${words[1]}") ;;
			esac
			;;
		esac
		if [ -z "$found" ] && [ ${#words[@]} = 1 ]; then
			found="$(_sluice_verbs "${words[0]}") help"
		elif [ -z "$found" ]; then
			found=$(_sluice_values "$prev" "${words[0]}" "${words[1]}") || {
				# Without values, which are for behind their word.
				found=$(_sluice_usage "${words[0]}" "${words[1]}" |
					sed 's/N\[[^]]*\]//g; s/\[\([a-z][a-z-]*\) [^]]*\]/ \1 /g; s/[][]//g; s/[| ]/\n/g' |
					grep -E '^[a-z][a-z-]*$' | tail -n +4)
				case "${words[0]} ${words[1]}" in
				'port del' | 'port set' | 'port show') found+=" $(_sluice_names port)" ;;
				'uplink del' | 'uplink set' | 'uplink show') found+=" $(_sluice_names uplink)" ;;
				'wire add' | 'wire del' | 'port hold' | 'port release') found+=" $(_sluice_names port uplink)" ;;
				'meter del') found+=" $(_sluice_ids meter)" ;;
				'volume set' | 'volume del' | 'volume show' | 'volume hold' | 'volume release' | 'volume rekey' | 'volume key-wipe' | 'volume key-resume' | 'key add' | 'key del')
					found+=" $(_sluice_names volume)" ;;
				'volume-group set' | 'volume-group del' | 'volume-group show')
					found+=" $(_sluice_names volume-group)" ;;
				esac
			}
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$found" -- "$cur")
	[[ ${COMPREPLY[0]:-} != *: ]] || compopt -o nospace
}
complete -F _sluice sluice
