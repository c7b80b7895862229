"""Linux's parameters under `net`, as of 6.18: which there are, and what each takes.

The names are those of a machine with the modules that topologies use; the ranges what the kernel takes and shows again
unchanged, and where it takes anything, what linux/Documentation/networking/ip-sysctl.rst has. Below: by folder of
/proc/sys/net (`conf` and `neigh` have one for each device), by what they take, the names. Those of the machine are in
no namespace.
"""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "": {
        "machine: 0..9223372036854775807": "nf_conntrack_max",
    },
    "bridge": {
        "0..1": """
            bridge-nf-call-arptables bridge-nf-call-ip6tables bridge-nf-call-iptables
            bridge-nf-filter-pppoe-tagged bridge-nf-filter-vlan-tagged bridge-nf-pass-vlan-input-dev""",
    },
    "core": {
        "-2147483648..2147483647": "xfrm_larval_drop",
        "0..1": "tstamp_allow_data txrehash",
        "0..2147483647": "optmem_max somaxconn xfrm_acq_expires",
        "0..4294967295": "xfrm_aevent_etime xfrm_aevent_rseqth",
        "machine: 0..9223372036854775807": """
            bpf_jit_enable bpf_jit_harden bpf_jit_kallsyms bpf_jit_limit busy_poll busy_read
            dev_weight dev_weight_rx_bias dev_weight_tx_bias devconf_inherit_init_net
            fb_tunnels_only_for_init_net flow_limit_table_len gro_normal_batch
            high_order_alloc_disable max_skb_frags mem_pcpu_rsv message_burst message_cost
            netdev_budget netdev_budget_usecs netdev_max_backlog netdev_tstamp_prequeue
            netdev_unregister_timeout_secs rmem_default rmem_max rps_sock_flow_entries skb_defer_max
            warnings wmem_default wmem_max""",
        "machine: text": "default_qdisc flow_limit_cpu_bitmap",
        "read-only": "netdev_rss_key",
        "text": "rps_default_mask",
    },
    "ipv4": {
        "-2147483648..2147483647": """
            igmp_max_memberships igmp_max_msf tcp_base_mss tcp_challenge_ack_limit
            tcp_limit_output_bytes tcp_max_syn_backlog tcp_max_tw_buckets tcp_probe_threshold
            xfrm4_gc_thresh""",
        "-31..31": "tcp_adv_win_scale",
        "0..1": """
            fib_multipath_use_neigh icmp_echo_enable_probe icmp_echo_ignore_all
            icmp_echo_ignore_broadcasts icmp_errors_use_inbound_ifaddr
            icmp_ignore_bogus_error_responses ip_autobind_reuse ip_forward
            ip_forward_update_priority nexthop_compat_mode raw_l3mdev_accept tcp_autocorking
            tcp_backlog_ack_defer tcp_ecn_fallback tcp_l3mdev_accept tcp_migrate_req
            tcp_no_ssthresh_metrics_save tcp_plb_enabled tcp_reflect_tos tcp_shrink_window
            udp_l3mdev_accept""",
        "0..2": "fib_notify_on_flag_change tcp_ecn tcp_ecn_option tcp_tw_reuse",
        "0..3": "fib_multipath_hash_policy tcp_ecn_option_beacon",
        "0..4": "tcp_early_retrans",
        "0..31": "tcp_app_win tcp_plb_idle_rehash_rounds tcp_plb_rehash_rounds",
        "0..127": "tcp_syn_linear_timeouts",
        "0..255": """
            fwmark_reflect igmp_link_local_mcast_reports ip_dynaddr ip_early_demux
            ip_forward_use_pmtu ip_no_pmtu_disc ip_nonlocal_bind tcp_abort_on_overflow
            tcp_comp_sack_nr tcp_dsack tcp_early_demux tcp_fack tcp_frto tcp_fwmark_accept
            tcp_keepalive_probes tcp_moderate_rcvbuf tcp_mtu_probing tcp_no_metrics_save
            tcp_orphan_retries tcp_plb_suspend_rto_sec tcp_recovery tcp_retrans_collapse
            tcp_retries1 tcp_retries2 tcp_rfc1337 tcp_sack tcp_slow_start_after_idle tcp_stdurg
            tcp_synack_retries tcp_syncookies tcp_thin_linear_timeouts tcp_timestamps
            tcp_tso_rtt_log tcp_tso_win_divisor tcp_window_scaling tcp_workaround_signed_windows
            udp_early_demux""",
        "0..256": "tcp_plb_cong_thresh",
        "0..1000": "tcp_pacing_ca_ratio tcp_pacing_ss_ratio",
        "0..65535": "ip_unprivileged_port_start",
        "0..65536": "udp_child_hash_entries",
        "0..86400": "tcp_min_rtt_wlen",
        "0..16777216": "tcp_child_ehash_entries",
        "0..2147483647": """
            icmp_msgs_burst icmp_msgs_per_sec icmp_ratemask ipfrag_max_dist tcp_fastopen
            tcp_fastopen_blackhole_timeout_sec""",
        "0..4294967295": """
            fib_multipath_hash_seed ipfrag_high_thresh ipfrag_low_thresh tcp_comp_sack_delay_ns
            tcp_comp_sack_slack_ns tcp_notsent_lowat""",
        "1..127": "tcp_syn_retries",
        "1..255": "ip_default_ttl tcp_min_tso_segs tcp_pingpong_thresh",
        "1..4095": "fib_multipath_hash_fields",
        "1..60000": "tcp_tw_reuse_delay",
        "1..2147483647": """
            igmp_qrv tcp_max_reordering tcp_reordering tcp_rto_min_us udp_rmem_min udp_wmem_min""",
        "48..65535": "tcp_min_snd_mss tcp_mtu_probe_floor",
        "1000..120000": "tcp_rto_max_ms",
        "2 of 0..2147483647": "ping_group_range",
        "2 of 1..65535": "ip_local_port_range",
        "3 of 1..2147483647": "tcp_rmem tcp_wmem",
        "machine: 0..9223372036854775807": """
            cipso_cache_bucket_size cipso_cache_enable cipso_rbm_optfmt cipso_rbm_strictvalid
            fib_sync_mem inet_peer_maxttl inet_peer_minttl inet_peer_threshold
            ipfrag_secret_interval tcp_low_latency tcp_max_orphans""",
        "machine: 3 of 0..9223372036854775807": "tcp_mem udp_mem",
        "machine: text": "tcp_allowed_congestion_control",
        "ms": "icmp_ratelimit tcp_invalid_ratelimit",
        "ranges": "ip_local_reserved_ports",
        "read-only": """
            tcp_available_congestion_control tcp_available_ulp tcp_ehash_entries udp_hash_entries""",
        "seconds": """
            ipfrag_time tcp_fin_timeout tcp_keepalive_intvl tcp_keepalive_time tcp_probe_interval""",
        "text": "tcp_congestion_control tcp_fastopen_key",
    },
    "ipv4/conf": {
        "-2147483648..2147483647": "medium_id tag",
        "0..1": """
            accept_local accept_redirects accept_source_route arp_evict_nocarrier arp_filter
            arp_notify bc_forwarding bootp_relay disable_policy disable_xfrm drop_gratuitous_arp
            drop_unicast_in_l2_multicast forwarding ignore_routes_with_linkdown log_martians
            promote_secondaries proxy_arp proxy_arp_pvlan route_localnet secure_redirects
            send_redirects shared_media src_valid_mark""",
        "0..2": "arp_accept arp_announce rp_filter",
        "0..3": "force_igmp_version",
        "0..8": "arp_ignore",
        "ms": "igmpv2_unsolicited_report_interval igmpv3_unsolicited_report_interval",
        "read-only": "mc_forwarding",
    },
    "ipv4/neigh": {
        "0..2147483647": """
            app_solicit mcast_resolicit mcast_solicit proxy_qlen ucast_solicit
            unres_qlen_bytes""",
        "0..900000": "unres_qlen",
        "machine: 0..9223372036854775807": "gc_interval gc_thresh1 gc_thresh2 gc_thresh3",
        "ms": "base_reachable_time_ms interval_probe_time_ms retrans_time_ms",
        "seconds": "base_reachable_time delay_first_probe_time gc_stale_time",
        "ticks": "anycast_delay locktime proxy_delay retrans_time",
    },
    "ipv4/route": {
        "-2147483648..2147483647": "min_adv_mss",
        "68..2147483647": "min_pmtu",
        "machine: 0..9223372036854775807": """
            error_burst error_cost gc_elasticity gc_interval gc_min_interval gc_min_interval_ms
            gc_thresh gc_timeout max_size redirect_load redirect_number redirect_silence""",
        "read-only": "flush",
        "seconds": "mtu_expires",
    },
    "ipv6": {
        "-2147483648..2147483647": """
            idgen_retries max_dst_opts_length max_dst_opts_number max_hbh_length max_hbh_opts_number
            seg6_flowlabel xfrm6_gc_thresh""",
        "0..2": "fib_notify_on_flag_change",
        "0..3": "auto_flowlabels fib_multipath_hash_policy",
        "0..7": "flowlabel_reflect",
        "0..255": """
            anycast_src_echo_reply bindv6only flowlabel_consistency flowlabel_state_ranges
            fwmark_reflect ip_nonlocal_bind""",
        "0..16777215": "ioam6_id",
        "0..4294967295": "ip6frag_high_thresh ip6frag_low_thresh",
        "0..72057594037927935": "ioam6_id_wide",
        "1..4095": "fib_multipath_hash_fields",
        "machine: 0..9223372036854775807": """
            calipso_cache_bucket_size calipso_cache_enable ip6frag_secret_interval mld_max_msf
            mld_qrv""",
        "seconds": "idgen_delay ip6frag_time",
    },
    "ipv6/conf": {
        "-2147483648..2147483647": """
            accept_ra_rt_info_max_plen accept_ra_rt_info_min_plen accept_source_route
            keep_addr_on_down max_desync_factor regen_min_advance temp_prefered_lft temp_valid_lft
            use_tempaddr""",
        "-1..1": "seg6_require_hmac",
        "-1..2147483647": "router_solicitations",
        "0..1": """
            accept_ra_defrtr accept_ra_from_local accept_ra_mtu accept_ra_pinfo accept_ra_rtr_pref
            accept_redirects autoconf disable_ipv6 disable_policy drop_unicast_in_l2_multicast
            drop_unsolicited_na enhanced_dad force_forwarding force_tllao
            ignore_routes_with_linkdown ioam6_enabled ndisc_evict_nocarrier ndisc_notify
            optimistic_dad proxy_ndp ra_honor_pio_life ra_honor_pio_pflag rpl_seg_enabled
            seg6_enabled suppress_frag_ndisc use_oif_addrs_only use_optimistic""",
        "0..2": "accept_dad accept_ra accept_untracked_na force_mld_version forwarding",
        "0,1,3": "addr_gen_mode",
        "0..255": "accept_ra_min_hop_limit ndisc_tclass",
        "0..65535": "ioam6_id",
        "0..2147483647": "accept_ra_min_lft dad_transmits max_addresses regen_max_retry",
        "0..4294967295": "ioam6_id_wide",
        "1..255": "hop_limit",
        "1..4294967295": "ra_defrtr_metric",
        "1280..65535": "mtu",
        "ms": "mldv1_unsolicited_report_interval mldv2_unsolicited_report_interval",
        "read-only": "mc_forwarding",
        "seconds": """
            router_probe_interval router_solicitation_delay router_solicitation_interval
            router_solicitation_max_interval""",
        "unreadable": "stable_secret",
    },
    "ipv6/icmp": {
        "0..1": "error_anycast_as_unicast",
        "0..255": "echo_ignore_all echo_ignore_anycast echo_ignore_multicast",
        "ms": "ratelimit",
        "ranges": "ratemask",
    },
    "ipv6/neigh": {
        "0..2147483647": """
            app_solicit mcast_resolicit mcast_solicit proxy_qlen retrans_time ucast_solicit
            unres_qlen_bytes""",
        "0..900000": "unres_qlen",
        "machine: 0..9223372036854775807": "gc_interval gc_thresh1 gc_thresh2 gc_thresh3",
        "ms": "base_reachable_time_ms interval_probe_time_ms retrans_time_ms",
        "seconds": "base_reachable_time delay_first_probe_time gc_stale_time",
        "ticks": "anycast_delay locktime proxy_delay",
    },
    "ipv6/route": {
        "-2147483648..2147483647": "gc_elasticity gc_thresh max_size min_adv_mss",
        "0..1": "skip_notify_on_dev_down",
        "ms": "gc_min_interval_ms",
        "read-only": "flush",
        "seconds": "gc_interval gc_min_interval gc_timeout mtu_expires",
    },
    "mptcp": {
        "0..1": "allow_join_initial_addr_port checksum_enabled enabled pm_type",
        "0..255": "syn_retrans_before_tcp_fallback",
        "0..2147483647": "blackhole_timeout",
        "0..4294967295": "stale_loss_cnt",
        "read-only": "available_path_managers available_schedulers",
        "seconds": "add_addr_timeout close_timeout",
        "text": "path_manager scheduler",
    },
    "netfilter": {
        "0..1": """
            nf_conntrack_acct nf_conntrack_checksum nf_conntrack_tcp_be_liberal
            nf_conntrack_tcp_ignore_invalid_rst nf_conntrack_tcp_loose nf_conntrack_timestamp""",
        "1..1": "nf_hooks_lwtunnel",
        "0..2": "nf_conntrack_events",
        "0..255": "nf_conntrack_log_invalid nf_conntrack_tcp_max_retrans",
        "0..4294967295": "nf_conntrack_frag6_high_thresh nf_conntrack_frag6_low_thresh",
        "machine: 0..9223372036854775807": """
            nf_conntrack_buckets nf_conntrack_expect_max nf_conntrack_max nf_log_all_netns""",
        "read-only": "nf_conntrack_count",
        "seconds": """
            nf_conntrack_frag6_timeout nf_conntrack_generic_timeout nf_conntrack_gre_timeout
            nf_conntrack_gre_timeout_stream nf_conntrack_icmp_timeout nf_conntrack_icmpv6_timeout
            nf_conntrack_sctp_timeout_closed nf_conntrack_sctp_timeout_cookie_echoed
            nf_conntrack_sctp_timeout_cookie_wait nf_conntrack_sctp_timeout_established
            nf_conntrack_sctp_timeout_heartbeat_sent nf_conntrack_sctp_timeout_shutdown_ack_sent
            nf_conntrack_sctp_timeout_shutdown_recd nf_conntrack_sctp_timeout_shutdown_sent
            nf_conntrack_tcp_timeout_close nf_conntrack_tcp_timeout_close_wait
            nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_fin_wait
            nf_conntrack_tcp_timeout_last_ack nf_conntrack_tcp_timeout_max_retrans
            nf_conntrack_tcp_timeout_syn_recv nf_conntrack_tcp_timeout_syn_sent
            nf_conntrack_tcp_timeout_time_wait nf_conntrack_tcp_timeout_unacknowledged
            nf_conntrack_udp_timeout nf_conntrack_udp_timeout_stream""",
    },
    "netfilter/nf_log": {
        "text": "0 1 10 2 3 4 5 6 7 8 9",
    },
    "unix": {
        "-2147483648..2147483647": "max_dgram_qlen",
    },
}
