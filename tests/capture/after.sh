#!/bin/sh
# What another one builds, whose line is told where it fails.
bash ./fails.sh
