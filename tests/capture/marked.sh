#!/bin/sh
# What is to be taken is less than the most.
ip netns add first
ip netns add second
ip netns del second
# nsgen: capture
ip netns add third
ip netns add fourth
