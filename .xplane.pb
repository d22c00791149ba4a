
	/host:CPU
Task Environment*profile_start_time*profile_options*profile_stop_time2­Αα®Χλυ2ύƒν®Χλυ22(8"vm