# ---- units of systemd ----
# What is written for a boot alone: `up` does not.

drop_in() { TEXT[$1]=$(in_one_line); } # PATH <TEXT
install_units() { local file && for file in "${!TEXT[@]}"; do [[ $file != /* ]] || boot_file "$file" 644 "$(printf '%b' "${TEXT[$file]}")"; done; }
