json_build_array(
        g.id, g.key, g.version, g.name, g.repositories, g.mode, g.branches, g.covered_paths, g.excused_paths,
        g.covered_labels, g.excused_labels, g.not_counting, g.asks_audit, g.freeze, g.most_uses, g.fails_open,
        g.waivers_alone
    )
