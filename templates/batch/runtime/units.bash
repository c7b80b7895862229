# ---- units of systemd ----
# What is written for a boot alone: `up` does not.

begin_units() { declare -gA DROP_INS=(); }
drop_in() { DROP_INS[$1]=$(in_one_line); } # PATH <TEXT
install_units() { local file && for file in "${!DROP_INS[@]}"; do boot_file "$file" 644 "$(printf '%b' "${DROP_INS[$file]}")"; done; }
